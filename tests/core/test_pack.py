"""A pack that is not whole says which file and which field is wrong."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

import core_rs
from tests.core import models
from tests.core.models import Graph


@pytest.fixture
def pack(tiny: Path, tmp_path: Path) -> Path:
    """A copy of the tiny pack, to spoil."""
    return Path(shutil.copytree(tiny, tmp_path / "pack"))


def change(pack: Path, old: str, new: str) -> None:
    manifest = pack / "manifest.toml"
    text = manifest.read_text()
    assert old in text
    manifest.write_text(text.replace(old, new))


def replace_model(pack: Path, name: str, graph_path: Path) -> None:
    """Puts another network in place of a model, its hash in the manifest included."""
    old = models.sha256(pack / name)
    shutil.copy(graph_path, pack / name)
    change(pack, old, models.sha256(pack / name))


def refusal(pack: Path) -> str:
    with pytest.raises(core_rs.PackError) as caught:
        core_rs.verify_pack(pack)
    assert caught.value.code == "invalid_pack"
    with pytest.raises(core_rs.PackError):
        core_rs.Engine(pack)
    return str(caught.value)


def test_a_whole_pack_is_described(tiny: Path) -> None:
    pack = core_rs.verify_pack(tiny)
    assert (pack.name, pack.version, pack.licence) == ("tiny", "1.2.3", "Apache-2.0")
    assert pack.provenance == "drawn by the tests"
    detector, reader = pack.stages
    assert (detector.stage, detector.kind, detector.file) == ("plate_detector", "anchor-free-grid", "detector.onnx")
    assert (reader.stage, reader.kind, reader.file) == ("plate_reader", "ctc", "reader.onnx")
    assert detector.sha256 == models.sha256(tiny / "detector.onnx")
    assert detector.size == (tiny / "detector.onnx").stat().st_size
    assert detector.input_shape == [-1, 3, -1, -1]
    assert reader.outputs == [("text", [-1, 10, 37]), ("region", [-1, 3])]


def test_an_engine_tells_its_pack(engine: core_rs.Engine) -> None:
    assert engine.pack.name == "tiny"
    assert [stage.stage for stage in engine.pack.stages] == ["plate_detector", "plate_reader"]


def test_no_manifest(tmp_path: Path) -> None:
    message = refusal(tmp_path)
    assert "manifest.toml" in message
    assert "cannot be read" in message


def test_a_manifest_that_is_no_toml(pack: Path) -> None:
    (pack / "manifest.toml").write_text("[pack\nname = ")
    assert "manifest.toml" in refusal(pack)


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ('version = "1.2.3"', "", ["pack", "version"]),
        ('licence = "Apache-2.0"', "licence = 3", ["pack.licence"]),
        ("[plate_reader]", "[plate_poet]", ["plate_poet"]),
        ('kind = "anchor-free-grid"', 'kind = "anchor"', ["plate_detector.kind", "anchor-free-grid"]),
        ('kind = "ctc"', 'kind = "ctx"', ["plate_reader.kind", "slots"]),
        ('fit = "stretch"', 'fit = "squash"', ["plate_reader.input.fit"]),
        ('fit = "stretch"', 'fit = "letterbox"', ["plate_reader.input.fit", "stretch"]),
        ("max_side = 320", "max_side = 0", ["plate_detector.input.max_side"]),
        ("max_side = 320", "max_side = 99999", ["plate_detector.input.max_side", "4096"]),
        ("multiple = 32", "multiple = 0", ["plate_detector.input.multiple"]),
        ("multiple = 32", "mulitple = 32", ["plate_detector.input", "mulitple"]),
        ('file = "detector.onnx"', 'file = "../detector.onnx"', ["plate_detector.file", "bare file name"]),
        ('file = "detector.onnx"', 'file = "/etc/passwd"', ["plate_detector.file", "bare file name"]),
        ('file = "reader.onnx"', 'file = "absent.onnx"', ["absent.onnx", "plate_reader.file"]),
        ("strides = [8, 16, 32]", "strides = []", ["plate_detector.output", "strides"]),
        ("strides = [8, 16, 32]", "strides = [8, 16]", ["detector.onnx", "plate_detector.output", "cells"]),
        ("corners = true", "corners = false", ["detector.onnx", "plate_detector.output", "13"]),
        ('name = "grid"', 'name = "mesh"', ["detector.onnx", "plate_detector.output.name", "mesh", "grid"]),
        ('name = "text"', 'name = "region"', ["reader.onnx", "plate_reader.output"]),
        ("0123456789ABC", "0123456789AB", ["reader.onnx", "plate_reader.output", "37", "36"]),
        ("blank = 0", "blank = 37", ["plate_reader.output.blank"]),
        ('codes = ["aa", "bb", "cc"]', 'codes = ["aa", "bb"]', ["reader.onnx", "plate_reader.region", "3", "2"]),
        ('codes = ["aa", "bb", "cc"]', "codes = []", ["plate_reader.region.codes"]),
        ("height = 64", "height = 48", ["reader.onnx", "plate_reader.input", "64", "48"]),
        ("height = 64, scale", 'height = 64, dtype = "u8", scale', ["reader.onnx", "plate_reader.input.dtype"]),
        ("height = 64, scale", 'height = 64, layout = "nhwc", scale', ["reader.onnx", "plate_reader.input"]),
        ("height = 64, scale", 'height = 64, colour = "grey", scale', ["reader.onnx", "plate_reader.input"]),
        ("height = 64, scale", "height = 64, std = [1, 0, 1], scale", ["plate_reader.input", "std"]),
        (
            "region = {",
            "reread = { between = [0.5, 2], margins = [[0, 0]] }\nregion = {",
            ["plate_reader.reread.between", "2"],
        ),
        (
            "region = {",
            "reread = { between = [0, 1], margins = [] }\nregion = {",
            ["plate_reader.reread.margins", "1 to 8"],
        ),
        (
            "region = {",
            "reread = { between = [0, 1], margins = [[0, 9]] }\nregion = {",
            ["plate_reader.reread.margins"],
        ),
        (
            "region = {",
            'state = { name = "state", codes = ["aa-b"] }\nregion = {',
            ["plate_reader.state.name", "state"],
        ),
        ("region = {", 'state = { name = "region", codes = ["aa-b"] }\nregion = {', ["plate_reader.state", "3", "1"]),
        ("region = {", 'state = { name = "region", codes = ["aa"] }\nregion = {', ["plate_reader.state.codes"]),
    ],
)
def test_a_wrong_field_is_named(pack: Path, old: str, new: str, told: list[str]) -> None:
    change(pack, old, new)
    message = refusal(pack)
    assert all(word in message for word in told), message


def test_a_changed_file_is_told_by_its_hash(pack: Path) -> None:
    with (pack / "reader.onnx").open("ab") as file:
        file.write(b"\0")
    message = refusal(pack)
    assert "reader.onnx: plate_reader.sha256" in message
    assert models.sha256(pack / "reader.onnx") in message


def test_a_file_that_is_no_model(pack: Path, tmp_path: Path) -> None:
    (tmp_path / "text").write_bytes(b"not a network")
    replace_model(pack, "detector.onnx", tmp_path / "text")
    assert "detector.onnx: plate_detector.file" in refusal(pack)


def test_a_detector_of_fixed_size_under_a_dynamic_fit(pack: Path, tmp_path: Path) -> None:
    models.end2end_detector(tmp_path / "fixed.onnx", [])
    replace_model(pack, "detector.onnx", tmp_path / "fixed.onnx")
    assert "detector.onnx: plate_detector.input" in refusal(pack)


def test_an_output_that_only_a_run_tells(pack: Path, tmp_path: Path) -> None:
    # The declared shape is open, so only the trial run sees that the rows are too short.
    graph = Graph()
    graph.add("Reshape", "image", graph.ints(1, -1, 6), out="grid")
    graph.save(tmp_path / "open.onnx", ["n", 3, "h", "w"], {"grid": ["a", "b", "c"]})
    replace_model(pack, "detector.onnx", tmp_path / "open.onnx")
    assert "detector.onnx: plate_detector.output" in refusal(pack)


def test_a_slots_reader_needs_its_padding_character(tmp_path: Path) -> None:
    pack = models.write_pack(tmp_path, models.marker_toml(tmp_path), models.slot_toml(tmp_path))
    core_rs.verify_pack(pack)
    change(pack, ', pad_char = "_"', "")
    assert "plate_reader.output.pad_char" in refusal(pack)
    change(pack, 'alphabet = "0', 'pad_char = "-", alphabet = "0')
    assert "plate_reader.output.pad_char" in refusal(pack)
