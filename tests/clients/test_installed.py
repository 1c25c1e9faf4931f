"""A client that cannot be had is told in plain words."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from tests.clients import installed


def test_a_registry_that_does_not_answer_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(installed, "CACHE", tmp_path)
    monkeypatch.setenv("PIP_INDEX_URL", "http://127.0.0.1:9/simple")
    monkeypatch.setenv("PIP_RETRIES", "0")
    monkeypatch.setenv("PIP_NO_CACHE_DIR", "1")
    with pytest.raises(installed.ClientMissing, match=r"pip could not install pyzm.*registry must be reachable"):
        installed.pyzm()
    assert list(tmp_path.iterdir()) == [], "nothing half done is left"


def test_a_machine_without_node_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(Path(sys.executable).parent))
    with pytest.raises(installed.ClientMissing, match="apt-get install nodejs npm"):
        installed.node_red()
