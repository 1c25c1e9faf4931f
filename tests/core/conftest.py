from __future__ import annotations

from pathlib import Path

import pytest

import core_rs
from tests.core import models
from worker.engine import find_runtime


@pytest.fixture(scope="session", autouse=True)
def _runtime() -> None:
    core_rs.init(find_runtime())


@pytest.fixture(scope="session")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A pack of the marker detector and the stripe reader."""
    return models.tiny_pack(tmp_path_factory.mktemp("tiny"))


@pytest.fixture(scope="session")
def engine(tiny: Path) -> core_rs.Engine:
    return core_rs.Engine(tiny)
