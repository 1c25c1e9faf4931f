"""Fitted weights find their place in a manifest, whichever came first."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

from training.manifest import write_weights

READER = '[plate_reader]\nkind = "ctc"\n\n[plate_reader.plate]\nname = "plate"\nweights = [9.0]\nfloor = 0.1\n'


@pytest.mark.parametrize("order", [("plate", "score"), ("score", "plate")])
def test_each_table_keeps_its_own(tmp_path: Path, order: tuple[str, str]) -> None:
    manifest = tmp_path / "manifest.toml"
    manifest.write_text(READER)
    fitted = {"plate": [1.0, 2.0, 3.0], "score": [4.0, 5.0]}
    for _ in range(2):
        for table in order:
            write_weights(tmp_path, f"plate_reader.{table}", fitted[table])
    reader = tomllib.loads(manifest.read_text())["plate_reader"]
    assert reader == {
        "kind": "ctc",
        "plate": {"name": "plate", "weights": fitted["plate"], "floor": 0.1},
        "score": {"weights": fitted["score"]},
    }
