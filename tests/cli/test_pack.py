import os
import re
import shutil
from pathlib import Path

import pytest

from tests.cli.support import ROOT, Platehost, one_sentence
from tests.core.vehicle_models import make_model_pack


@pytest.fixture
def pack(tmp_path: Path) -> Path:
    """A copy of the pack to spoil."""
    source = os.environ.get("PLATEHOST_PACK") or ROOT / "models" / "default"
    return Path(shutil.copytree(source, tmp_path / "pack"))


def model_of(pack: Path, stage: str) -> str:
    """The file of a stage, as the manifest names it."""
    found = re.search(rf'\[{stage}\]\s+file = "([^"]+)"', (pack / "manifest.toml").read_text())
    assert found is not None
    return found[1]


def test_a_whole_pack_is_described(platehost: Platehost, pack: Path) -> None:
    done = platehost("pack", "verify", pack)
    assert done.returncode == 0, done.stderr
    for told in ("plate_detector", "plate_reader", model_of(pack, "plate_reader"), "licence", "The pack is whole"):
        assert told in done.stdout


def test_a_make_model_pack_is_described(platehost: Platehost, tmp_path: Path) -> None:
    done = platehost("pack", "verify", str(make_model_pack(tmp_path)))
    assert done.returncode == 0, done.stderr
    assert "make_model.onnx" in done.stdout


def test_a_changed_model_is_named(platehost: Platehost, pack: Path) -> None:
    model = pack / model_of(pack, "plate_reader")
    model.write_bytes(model.read_bytes()[:-1] + b"\0")
    sentence = one_sentence(platehost("pack", "verify", pack))
    assert model.name in sentence
    assert "sha256" in sentence


def test_a_missing_model_is_named(platehost: Platehost, pack: Path) -> None:
    model = pack / model_of(pack, "plate_detector")
    model.unlink()
    assert model.name in one_sentence(platehost("pack", "verify", pack))


def test_an_unknown_kind_is_named(platehost: Platehost, pack: Path) -> None:
    manifest = pack / "manifest.toml"
    manifest.write_text(re.sub(r'(\[plate_reader\][^\[]*?kind = )"[^"]+"', r'\1"crystal-ball"', manifest.read_text()))
    sentence = one_sentence(platehost("pack", "verify", pack))
    assert "manifest.toml" in sentence
    assert "kind" in sentence


def test_a_folder_without_a_manifest_is_named(platehost: Platehost, tmp_path: Path) -> None:
    assert "manifest.toml" in one_sentence(platehost("pack", "verify", tmp_path))
