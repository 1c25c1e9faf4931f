"""Clients that other people wrote, as their registries have them, installed beside the checkout's own environment.

They are pinned by the lock files in this folder and put into `.clients/` at the root of the checkout, once.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from tests.service.support import ROOT

HERE = Path(__file__).parent
CACHE = ROOT / ".clients"
_SECONDS = 900


class ClientMissing(Exception):
    """A client that could not be installed; the message says which, why, and what to do."""


def node_red() -> Path:
    """The folder in which Node-RED and its Plate Recognizer nodes stand, in `node_modules`. Raises ClientMissing."""
    for program in ("node", "npm"):
        if not shutil.which(program):
            raise ClientMissing(f"{program} is missing: install Node.js 18.5 or newer (apt-get install nodejs npm).")

    def install(folder: Path) -> list[str]:
        for name in ("package.json", "package-lock.json"):
            shutil.copy(HERE / "node_red" / name, folder)
        return ["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--no-update-notifier"]

    return _installed("node-red", "npm", HERE / "node_red" / "package-lock.json", "", install)


def pyzm() -> Path:
    """The folder of pyzm and what it imports, for PYTHONPATH. Raises ClientMissing."""
    wanted = HERE / "pyzm" / "requirements.txt"

    def install(folder: Path) -> list[str]:
        return [
            *(sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"),
            *("--no-deps", "--target", str(folder), "--requirement", str(wanted)),
        ]

    return _installed("pyzm", "pip", wanted, sys.version, install)


def _installed(name: str, tool: str, lock: Path, made_with: str, install: Callable[[Path], list[str]]) -> Path:
    mark = hashlib.sha256(lock.read_bytes() + made_with.encode()).hexdigest()[:16]
    place = CACHE / f"{name}-{mark}"
    if place.is_dir():
        return place
    CACHE.mkdir(exist_ok=True)
    # Made beside and renamed: what was cut off is never taken for a client.
    with tempfile.TemporaryDirectory(prefix=f".{name}-", dir=CACHE, ignore_cleanup_errors=True) as folder:
        # npm wants a home for what it downloads; a machine may have none to write to.
        environment = {"npm_config_cache": str(CACHE / ".npm"), **os.environ}
        done = subprocess.run(
            install(Path(folder)), cwd=folder, env=environment, capture_output=True, text=True, timeout=_SECONDS
        )
        if done.returncode:
            said = "\n".join((done.stdout + done.stderr).strip().splitlines()[-8:])
            raise ClientMissing(
                f"{tool} could not install {name}, which these tests run against the service. Its registry must be "
                f"reachable, or {place} must have been made on a machine where it is. {tool} said:\n{said}"
            )
        Path(folder).rename(place)
    return place
