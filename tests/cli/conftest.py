"""The real `platehost` command in processes of its own, against real parts."""

import os
import socket
import subprocess
from pathlib import Path

import pytest

from tests.cli.support import COMMAND, Platehost


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    """An environment without the developer's own settings, but for the pack to test with."""
    own = ("PLATEHOST_", "REDIS_URL", "PORT")
    kept = {name: text for name, text in os.environ.items() if not name.startswith(own)}
    if pack := os.environ.get("PLATEHOST_PACK"):
        kept["PLATEHOST_PACK"] = pack
    return kept


@pytest.fixture
def platehost(environment: dict[str, str], tmp_path: Path) -> Platehost:
    """Runs `platehost` with the arguments, in an empty folder, to its end."""
    folder = tmp_path / "here"
    folder.mkdir()

    def run(*arguments: object, env: dict[str, str] | None = None) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            [COMMAND, *map(str, arguments)],
            cwd=folder,
            env={**environment, **(env or {})},
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )

    return run


@pytest.fixture
def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
