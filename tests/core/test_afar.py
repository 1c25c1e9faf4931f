"""Plates that fill their picture: seen from afar, and read as they lie in it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import core_rs
from tests.core import models
from tests.core.pictures import Pixels, encoded, plate, scene

AFAR = "afar = { side = 160, margin = 32 }"
WIDEST = 256  # the first look's input is 640 wide: there the detector is unsure


def engine(pack: Path, more: str = AFAR, widest: int = WIDEST) -> core_rs.Engine:
    detector = models.marker_toml(pack, side=640, widest=widest, more=more)
    detector = detector.replace("max_side", "min_side = 640, max_side")
    return core_rs.Engine(models.write_pack(pack, detector, models.stripe_toml(pack)))


def plates(engine: core_rs.Engine, pixels: Pixels, **options: Any) -> list[core_rs.PlateReading]:
    [answer] = engine.recognise([encoded(pixels)], [core_rs.Options(**({"threshold_d": 0.6} | options))])
    assert isinstance(answer, core_rs.ImageReading), answer
    return answer.plates


def larger(pixels: Pixels, times: int) -> Pixels:
    return np.repeat(np.repeat(pixels, times, axis=0), times, axis=1)


@pytest.mark.parametrize("mode", ["default", "fast"])
def test_a_plate_sent_alone_is_one_plate(tmp_path: Path, mode: str) -> None:
    [found] = plates(engine(tmp_path), plate("AB12"), mode=mode)
    assert found.text == "AB12"
    # Half a cell off, as the mark lies between two.
    assert found.box == pytest.approx((0, 0, 160, 64), abs=4)


def test_without_the_look_from_afar_it_is_none(tmp_path: Path) -> None:
    assert plates(engine(tmp_path, more=""), plate("AB12")) == []


def test_the_surer_of_two_looks_decides(tmp_path: Path) -> None:
    # A detector that is sure of what it sees too near finds but parts of the plate.
    found = plates(engine(tmp_path, widest=0), plate("AB12"))
    assert "AB12" not in [each.text for each in found]


def test_with_some_of_the_car_round_it(tmp_path: Path) -> None:
    small = engine(tmp_path, more="afar = { side = 200, margin = 32 }")
    [found] = plates(small, scene({(20, 24): "AB12"}, width=200, height=112))
    assert found.text == "AB12"
    assert found.box == pytest.approx((20, 24, 180, 88), abs=6)


@pytest.mark.parametrize(("mode", "texts"), [("default", ["AB12"]), ("fast", [])])
def test_a_large_picture_of_a_plate_is_looked_at_where_nothing_else_is_found(
    tmp_path: Path, mode: str, texts: list[str]
) -> None:
    assert [each.text for each in plates(engine(tmp_path), larger(plate("AB12"), 8), mode=mode)] == texts


@pytest.mark.parametrize(("side", "count"), [(390, 1), (500, 0)])
def test_small_plates_are_left_to_the_first_look(tmp_path: Path, side: int, count: int) -> None:
    # The detector's boxes are 160 pixels wide: 41 % and 32 % of the picture. The first look is not sure enough here.
    pixels = np.full((512, 1280, 3), 40, np.uint8)
    pixels[192:320, 576:704] = (255, 0, 0)
    found = plates(
        engine(tmp_path, more=f"afar = {{ side = {side}, margin = 0 }}"), pixels, threshold_d=0.45, threshold_o=0
    )
    assert min(len(found), 1) == count


def test_a_crop_is_cut_where_its_plate_lies(tmp_path: Path) -> None:
    pixels = scene({(16, 16): "ZX98"}, width=192, height=96)
    [answer] = engine(tmp_path, more="afar = { side = 192, margin = 32 }").read_crops([encoded(pixels)])
    assert isinstance(answer, core_rs.ImageReading)
    [found] = answer.plates
    assert found.text == "ZX98"
    assert found.box == pytest.approx((16, 16, 176, 80), abs=6)


def test_a_crop_in_which_no_plate_is_seen_is_read_whole(tmp_path: Path) -> None:
    pixels = plate("ZX98")
    pixels[24:40, 72:88] = 0
    [answer] = engine(tmp_path).read_crops([encoded(pixels)])
    assert isinstance(answer, core_rs.ImageReading)
    assert [(each.text, each.box) for each in answer.plates] == [("ZX98", (0, 0, 160, 64))]


@pytest.mark.parametrize(
    ("more", "fault"),
    [
        ("afar = { side = 0, margin = 32 }", "afar: side must be within 1 to 1024"),
        ("afar = { side = 160, margin = 5000 }", "afar: side must be within 1 to 1024, margin at most 1024"),
        ("afar = { side = 160 }", "margin"),
    ],
)
def test_a_wrong_manifest_names_the_field(tmp_path: Path, more: str, fault: str) -> None:
    with pytest.raises(core_rs.PackError, match=fault):
        engine(tmp_path, more)


def test_a_detector_of_one_size_cannot_look_from_afar(tmp_path: Path) -> None:
    detector = models.end2end_toml(tmp_path, []).replace(
        'output = { name = "found" }', f'output = {{ name = "found" }}\n{AFAR}'
    )
    with pytest.raises(core_rs.PackError, match="letterbox-dynamic"):
        core_rs.Engine(models.write_pack(tmp_path, detector, models.slot_toml(tmp_path)))
