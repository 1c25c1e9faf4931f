"""Processes that cannot work say why in one line and end with status 2, so that a supervisor's log is of use."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.service.support import ROOT, Processes


def run(module: str, **settings: str) -> subprocess.CompletedProcess[str]:
    kept = {name: text for name, text in os.environ.items() if not name.startswith("PLATEHOST_")}
    return subprocess.run(
        [sys.executable, "-m", module], cwd=ROOT, env={**kept, **settings}, capture_output=True, text=True, timeout=60
    )


@pytest.mark.parametrize("module", ["web", "worker", "webhooks"])
@pytest.mark.parametrize(
    ("name", "value"), [("PLATEHOST_PORT", "http"), ("REDIS_URL", "amqp://:hidden@queue")], ids=["number", "address"]
)
def test_a_bad_setting(module: str, name: str, value: str) -> None:
    done = run(module, **{name: value})
    assert done.returncode == 2
    assert name in done.stderr
    assert done.stderr.count("\n") == 1
    assert "hidden" not in done.stderr + done.stdout


def test_a_pack_that_is_not_there(tmp_path: Path) -> None:
    done = run("worker", PLATEHOST_PACK=str(tmp_path))
    assert done.returncode == 2
    assert "manifest.toml" in done.stdout
    assert "Traceback" not in done.stdout + done.stderr


def test_a_port_that_is_taken(running: Processes) -> None:
    done = run("web", PLATEHOST_HOST="127.0.0.1", PLATEHOST_PORT=str(running.port), REDIS_URL=running.server.url)
    assert done.returncode == 2
    assert "PLATEHOST_PORT" in done.stderr
