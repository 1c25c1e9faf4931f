"""A pack's manifest is brought up to date with its files."""

import hashlib

import pytest

from training.pack import refresh

MANIFEST = """[pack]
name = "own"

[plate_detector]
file = "a.onnx"
sha256 = "old"
kind = "anchor-free-grid"

[plate_reader]
file = "b.onnx"
sha256 = ""
"""


def test_every_stage_gets_the_hash_of_its_file(tmp_path):
    (tmp_path / "manifest.toml").write_text(MANIFEST)
    (tmp_path / "a.onnx").write_bytes(b"a")
    (tmp_path / "b.onnx").write_bytes(b"b")
    refresh(tmp_path)
    text = (tmp_path / "manifest.toml").read_text()
    for content in (b"a", b"b"):
        assert f'sha256 = "{hashlib.sha256(content).hexdigest()}"' in text
    assert 'kind = "anchor-free-grid"' in text


def test_a_missing_file_leaves_the_manifest_as_it_was(tmp_path):
    (tmp_path / "manifest.toml").write_text(MANIFEST)
    with pytest.raises(FileNotFoundError, match=r"a\.onnx"):
        refresh(tmp_path)
    assert (tmp_path / "manifest.toml").read_text() == MANIFEST
