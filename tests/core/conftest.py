from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest

import core_rs
from tests.core import models


def onnxruntime_library() -> str:
    spec = importlib.util.find_spec("onnxruntime")
    assert spec is not None
    assert spec.origin is not None
    return str(next(Path(spec.origin).parent.glob("capi/libonnxruntime.so*")))


@pytest.fixture(scope="session", autouse=True)
def _runtime() -> None:
    core_rs.init(onnxruntime_library())


@pytest.fixture(scope="session")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A pack of the marker detector and the stripe reader."""
    return models.tiny_pack(tmp_path_factory.mktemp("tiny"))


@pytest.fixture(scope="session")
def engine(tiny: Path) -> core_rs.Engine:
    return core_rs.Engine(tiny)
