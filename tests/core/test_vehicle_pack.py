"""The stages about vehicles in a pack, and the make-model pack: what is wrong is told by file and field."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

import core_rs
from tests.core import models, vehicle_models
from tests.core.test_pack import change, refusal


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return vehicle_models.vehicle_pack(tmp_path_factory.mktemp("whole"))


@pytest.fixture(scope="module")
def whole_make_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return vehicle_models.make_model_pack(tmp_path_factory.mktemp("make-model"))


@pytest.fixture
def pack(whole: Path, tmp_path: Path) -> Path:
    """A copy, to spoil."""
    return Path(shutil.copytree(whole, tmp_path / "pack"))


@pytest.fixture
def make_model(whole_make_model: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(whole_make_model, tmp_path / "make-model"))


def test_the_stages_are_described(pack: Path) -> None:
    described = core_rs.verify_pack(pack)
    assert [stage.stage for stage in described.stages] == [
        "plate_detector",
        "plate_reader",
        "vehicle_detector",
        "vehicle_attributes",
    ]
    plates, _, vehicles, attributes = described.stages
    assert (vehicles.file, vehicles.sha256, vehicles.size) == (plates.file, plates.sha256, 0)
    assert vehicles.outputs == [("vehicles", [-1, -1, 5])]
    assert attributes.kind == "classes"
    assert attributes.outputs == [("type", [-1, 2]), ("colour", [-1, 3]), ("orientation", [-1, 2])]


def test_a_make_model_pack_is_described_alone_and_beside(pack: Path, make_model: Path) -> None:
    assert [stage.stage for stage in core_rs.verify_pack(make_model).stages] == ["make_model"]
    engine = core_rs.Engine(pack, make_model_dir=make_model)
    assert engine.make_model_pack is not None
    assert engine.make_model_pack.stages[0].file == "make_model.onnx"
    assert core_rs.Engine(pack).make_model_pack is None


SHARED = vehicle_models.SHARED


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        (SHARED, 'output_of = "plate_reader"', ["vehicle_detector.output_of", "plate_reader"]),
        (SHARED, "", ["vehicle_detector.output_of", "file, sha256 and input"]),
        (SHARED, f'{SHARED}\nfile = "detector.onnx"', ["vehicle_detector.output_of", "either"]),
        (SHARED, 'file = "detector.onnx"', ["vehicle_detector.output_of", "sha256"]),
        (
            '"vehicles", strides = [16, 32]',
            '"cars", strides = [16, 32]',
            ["detector.onnx", "vehicle_detector.output.name"],
        ),
        ('"vehicles", strides = [16, 32]', '"grid", strides = [16, 32]', ["vehicle_detector.output.name", "plates"]),
        ("strides = [16, 32]", "strides = [16]", ["detector.onnx", "vehicle_detector.output", "cells"]),
        ("strides = [16, 32]", "strides = []", ["vehicle_detector.output", "strides"]),
        ("strides = [16, 32]", "strides = [16, 32], corners = true", ["vehicle_detector.output", "13"]),
        ("threshold = 0.35", "threshold = 1.5", ["vehicle_detector.threshold", "1.5"]),
        (f'{SHARED}\nkind = "anchor-free-grid"', f'{SHARED}\nkind = "boxes"', ["vehicle_detector.kind", "boxes"]),
        ('file = "attributes.onnx"', 'file = "none.onnx"', ["none.onnx", "vehicle_attributes.file"]),
        ('file = "attributes.onnx"', 'file = "../a.onnx"', ["vehicle_attributes.file", "bare file name"]),
        ('kind = "classes"', 'kind = "classy"', ["vehicle_attributes.kind", "classes"]),
        ('["Sedan", "Van"]', '["Sedan"]', ["attributes.onnx", "vehicle_attributes.type", "2", "1"]),
        ('["Sedan", "Van"]', '["Sedan", "Sedan"]', ["vehicle_attributes.type.classes", "twice"]),
        ('["Sedan", "Van"]', "[]", ["vehicle_attributes.type.classes"]),
        ('["red", "green", "blue"]', '["red", "green", ""]', ["vehicle_attributes.colour.classes"]),
        ('name = "colour"', 'name = "paint"', ["attributes.onnx", "vehicle_attributes.colour.name", "paint"]),
        ("least = 0.4", "least = 4", ["vehicle_attributes.colour.least"]),
        ("width = 32", "width = 48", ["attributes.onnx", "vehicle_attributes.input", "32", "48"]),
        ("height = 32, ", 'height = 32, dtype = "u8", ', ["attributes.onnx", "vehicle_attributes.input.dtype"]),
        ("margin_x = 0.0", "margin_x = 2.0", ["vehicle_attributes.crop"]),
        ('fit = "stretch", width = 32', 'fit = "letterbox", width = 32', ["vehicle_attributes.input.fit", "stretch"]),
    ],
)
def test_a_wrong_field_is_named(pack: Path, old: str, new: str, told: list[str]) -> None:
    change(pack, old, new)
    message = refusal(pack)
    assert all(word in message for word in told), message


def test_a_changed_file_is_told_by_its_hash(pack: Path) -> None:
    with (pack / "attributes.onnx").open("ab") as file:
        file.write(b"\0")
    assert "attributes.onnx: vehicle_attributes.sha256" in refusal(pack)


def test_a_network_of_its_own_is_verified(tmp_path: Path) -> None:
    pack = vehicle_models.vehicle_pack(tmp_path, own=True)
    core_rs.verify_pack(pack)
    change(pack, models.sha256(pack / "vehicles.onnx"), "00")
    assert "vehicles.onnx: vehicle_detector.sha256" in refusal(pack)


def test_attributes_need_vehicles(pack: Path) -> None:
    text = (pack / "manifest.toml").read_text()
    before, rest = text.split("[vehicle_detector]")
    (pack / "manifest.toml").write_text(before + rest[rest.index("[vehicle_attributes]") :])
    message = refusal(pack)
    assert "vehicle_attributes" in message
    assert "vehicle_detector" in message


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ('["Kia", "", ""]', '["Kia", "", "soon"]', ["make_model.model.classes", "soon"]),
        ('["Kia", "", ""]', '["", "", ""]', ["make_model.model.classes", "make"]),
        (', ["Kia", "", ""]', "", ["make_model.onnx", "make_model.model", "4", "3"]),
        ("least = 0.35", "least = -1", ["make_model.model.least"]),
        ('name = "model"', 'name = "car"', ["make_model.onnx", "make_model.model.name", "car"]),
        ('["Sedan", "Van"]', '["Sedan", "Bus", "Van"]', ["make_model.onnx", "make_model.type", "2", "3"]),
        ("[make_model]", "[make]", ["make"]),
    ],
)
def test_a_wrong_field_of_a_make_model_pack_is_named(
    pack: Path, make_model: Path, old: str, new: str, told: list[str]
) -> None:
    change(make_model, old, new)
    with pytest.raises(core_rs.PackError) as caught:
        core_rs.Engine(pack, make_model_dir=make_model)
    assert all(word in str(caught.value) for word in told), caught.value
    with pytest.raises(core_rs.PackError):
        core_rs.verify_pack(make_model)


def test_two_packs_have_to_speak_of_the_same_types(pack: Path, make_model: Path) -> None:
    change(make_model, '["Sedan", "Van"]', '["Sedan", "Bus"]')
    core_rs.verify_pack(make_model)
    with pytest.raises(core_rs.PackError, match=r"make_model\.type\.classes"):
        core_rs.Engine(pack, make_model_dir=make_model)


def test_a_pack_of_plates_is_no_make_model_pack(pack: Path) -> None:
    with pytest.raises(core_rs.PackError, match="make_model"):
        core_rs.Engine(pack, make_model_dir=pack)
