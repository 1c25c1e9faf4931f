"""The systemd units: what they start, how long they may take to end, and that systemd takes them."""

from __future__ import annotations

import configparser
import shutil
import subprocess
from pathlib import Path

import pytest

from platehost.settings import Settings
from tests.service.support import ROOT

UNITS = sorted((ROOT / "systemd").glob("*.service"))
PLACE = "/srv/platehost"


class _Unit(configparser.RawConfigParser):
    def optionxform(self, optionstr: str) -> str:
        return optionstr


def service(path: Path) -> dict[str, str]:
    unit = _Unit(strict=False)
    unit.read_string(path.read_text())
    return dict(unit["Service"])


def test_the_units_start_the_processes_of_the_procfile() -> None:
    procfile = {line.split(": ", 1)[1] for line in (ROOT / "Procfile").read_text().splitlines()}
    started = {service(each)["ExecStart"].removeprefix(f"{PLACE}/.venv/bin/") for each in UNITS}
    assert started == procfile | {"platehost serve --data /var/lib/platehost"}


@pytest.mark.parametrize(
    ("unit", "least"),
    [
        ("platehost-web.service", Settings().sync_window + 5),
        ("platehost-worker@.service", Settings().job_timeout + 5),
        ("platehost-webhooks.service", 10),
        # In turn: web, workers, webhooks and Redis, each with its seconds to spare.
        ("platehost.service", Settings().sync_window + Settings().job_timeout + 3 * 5 + 30),
    ],
)
def test_a_stop_leaves_time_for_what_is_under_way(unit: str, least: float) -> None:
    assert float(service(ROOT / "systemd" / unit)["TimeoutStopSec"]) > least


@pytest.mark.parametrize("unit", UNITS, ids=lambda path: path.name)
def test_each_runs_with_few_rights_and_starts_again(unit: Path) -> None:
    found = service(unit)
    assert found["Restart"] == "always"
    assert found["User"] == "platehost"
    for name in ("NoNewPrivileges", "ProtectHome", "PrivateTmp", "PrivateDevices", "RestrictNamespaces"):
        assert found[name] == "yes", name
    assert (found["ProtectSystem"], found["CapabilityBoundingSet"]) == ("strict", "")


def test_systemd_takes_them(tmp_path: Path) -> None:
    if not shutil.which("systemd-analyze"):
        pytest.skip("systemd-analyze is not installed on this machine")
    here = Path(__file__).resolve().parents[2]
    program = tmp_path / "program"
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    copies = []
    for unit in [*UNITS, here / "systemd" / "platehost.target"]:
        text = unit.read_text()
        for name in ("python", "platehost"):
            text = text.replace(f"{PLACE}/.venv/bin/{name}", str(program))
        copies.append(tmp_path / unit.name)
        copies[-1].write_text(text.replace(PLACE, str(tmp_path)))
    done = subprocess.run(["systemd-analyze", "verify", *copies], capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stdout + done.stderr) == (0, "")
