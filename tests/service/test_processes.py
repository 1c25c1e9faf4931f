"""Processes that cannot work say why in one line and end with status 2, so that a supervisor's log is of use."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import requests

from tests.service.support import ROOT, Processes, free_port, wait_until


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


def test_one_port_for_two_purposes(running: Processes) -> None:
    done = run("web", PLATEHOST_PORT="18080", PLATEHOST_SDK_PORT="18080", REDIS_URL=running.server.url)
    assert done.returncode == 2
    assert "PLATEHOST_SDK_PORT" in done.stderr


def test_when_one_port_ends_unasked_all_end_with_status_1(running: Processes, tmp_path: Path) -> None:
    processes = Processes(tmp_path, running.server, {"PLATEHOST_SDK_PORT": str(free_port())})
    web = processes.start("web")
    try:
        wait_until(lambda: _answers(processes.url) and _answers(processes.sdk_url), 30, "both ports answer")
        children = Path(f"/proc/{web.pid}/task/{web.pid}/children").read_text().split()
        ports_processes = [each for each in children if b"spawn_main" in Path(f"/proc/{each}/cmdline").read_bytes()]
        assert len(ports_processes) == 2
        os.kill(int(ports_processes[0]), signal.SIGKILL)
        assert web.wait(20) == 1
        assert not _answers(processes.url)
    finally:
        processes.stop_all()


def test_a_stop_ends_all_ports_with_status_0(running: Processes, tmp_path: Path) -> None:
    processes = Processes(tmp_path, running.server, {"PLATEHOST_PROBE_PORT": str(free_port())})
    processes.start("web")
    try:
        wait_until(lambda: _answers(f"{processes.probe_url}/liveliness/"), 30, "the probes' port answers")
        assert processes.stop("web") == 0
        assert not _answers(f"{processes.probe_url}/liveliness/")
    finally:
        processes.stop_all()


def _answers(url: str) -> bool:
    try:
        return requests.get(url, timeout=2).status_code == 200
    except requests.RequestException:
        return False
