"""Workers on several hosts; the hosts are made by scripts/check_two_hosts."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.service.support import ROOT

SCRIPT = ROOT / "scripts" / "check_two_hosts"
NOT_POSSIBLE = 77


def test_two_workers_on_two_hosts_share_one_redis_and_either_may_vanish(pack: str) -> None:
    done = subprocess.run(
        [SCRIPT],
        env={**os.environ, "PYTHON": sys.executable, "PLATEHOST_PACK": pack},
        capture_output=True,
        text=True,
        timeout=900,
    )
    if done.returncode == NOT_POSSIBLE:
        pytest.skip(done.stderr.strip())
    assert done.returncode == 0, done.stdout + done.stderr
    phases = json.loads(done.stdout.splitlines()[-1])
    assert list(phases) == ["both work", "north is cut off", "north is back", "south is killed"]
    assert all(phases["both work"].values())
    assert phases["north is back"]["north"] > 0


def test_a_machine_that_does_not_permit_it_is_told_so(tmp_path: Path) -> None:
    for name in ("bash", "dirname"):
        (tmp_path / name).symlink_to(f"/usr/bin/{name}")
    done = subprocess.run(
        ["/usr/bin/env", "bash", SCRIPT], env={"PATH": str(tmp_path)}, capture_output=True, text=True, timeout=60
    )
    assert done.returncode == NOT_POSSIBLE
    assert "not possible on this machine" in done.stderr
    assert "iproute2" in done.stderr
