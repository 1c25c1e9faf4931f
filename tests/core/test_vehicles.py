"""Vehicles of a picture: which plate is on which, what is told of them, and the second look at some."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import core_rs
from tests.core import vehicle_models
from tests.core.pictures import Pixels, encoded, scene


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> core_rs.Engine:
    """Vehicles of 256 x 192 pixels and plates of 160 x 64, in pictures of 640 x 512."""
    folder = tmp_path_factory.mktemp("packs")
    make_model = vehicle_models.make_model_pack(folder / "make-model")
    return core_rs.Engine(vehicle_models.vehicle_pack(folder / "default"), make_model_dir=make_model)


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> core_rs.Engine:
    """The detector sees pictures of 1280 x 1024 at a quarter, where a vehicle's box of 192 x 192 is 48 x 48."""
    return core_rs.Engine(
        vehicle_models.vehicle_pack(tmp_path_factory.mktemp("small"), side=320, car=vehicle_models.SMALL_CAR)
    )


def look(engine: core_rs.Engine, pixels: Pixels, **options: Any) -> core_rs.ImageReading:
    [answer] = engine.recognise([encoded(pixels)], [core_rs.Options(**options)])
    assert isinstance(answer, core_rs.ImageReading), answer
    return answer


def street(plates: dict[tuple[int, int], str], cars: list[tuple[int, int]], paint: int = 0) -> Pixels:
    """Plates at their top left corners; at each of `cars` the blue mark that is the middle of a vehicle's box."""
    pixels = scene(plates, width=640, height=512)
    for x, y in cars:
        pixels[y - 8 : y + 8, x - 8 : x + 8] = (0, 0, 255)
    if paint:
        pixels[np.all(pixels == 40, axis=2)] = (40, paint, 40)
    return pixels


# A vehicle's box is (40, 24) to (296, 216) around (168, 120); its plate lies under the mark.
CAR, PLATE = (168, 120), (88, 136)
OTHER_CAR, OTHER_PLATE = (472, 376), (392, 392)


def test_a_plate_knows_its_vehicle(engine: core_rs.Engine) -> None:
    answer = look(engine, street({PLATE: "AB1", OTHER_PLATE: "CD2"}, [CAR, OTHER_CAR]))
    boxes = {each.text: answer.vehicles[each.vehicle].box for each in answer.plates if each.vehicle is not None}
    assert boxes["AB1"] == pytest.approx((40, 24, 296, 216), abs=1)
    assert boxes["CD2"] == pytest.approx((344, 280, 600, 472), abs=1)
    assert [each.score for each in answer.vehicles] == pytest.approx([1.0, 1.0], abs=0.01)


def test_vehicles_without_a_plate_are_told_where_they_are_asked_for(engine: core_rs.Engine) -> None:
    pixels = street({PLATE: "AB1"}, [CAR, OTHER_CAR])
    assert len(look(engine, pixels).vehicles) == 1
    answer = look(engine, pixels, detection_mode="vehicle")
    assert len(answer.vehicles) == 2
    [plate] = answer.plates
    assert plate.vehicle is not None
    assert answer.vehicles[plate.vehicle].box == pytest.approx((40, 24, 296, 216), abs=1)


def test_a_vehicle_that_fills_the_picture(tmp_path: Path) -> None:
    engine = core_rs.Engine(vehicle_models.vehicle_pack(tmp_path, car=(1280, 1024)))
    answer = look(engine, street({PLATE: "AB1"}, [(328, 264)], paint=250))
    [vehicle] = answer.vehicles
    assert vehicle.box == (0, 0, 640, 512)
    assert vehicle.type == "Van"
    assert [(plate.text, plate.vehicle) for plate in answer.plates] == [("AB1", 0)]


def test_a_plate_on_no_vehicle(engine: core_rs.Engine) -> None:
    pixels = street({PLATE: "AB1", OTHER_PLATE: "CD2"}, [CAR])
    free = {each.text: each.vehicle for each in look(engine, pixels).plates}
    assert free == {"AB1": 0, "CD2": None}
    assert [each.text for each in look(engine, pixels, detection_rule_strict=True).plates] == ["AB1"]


def test_the_best_plates_of_one_vehicle_stay(engine: core_rs.Engine) -> None:
    pixels = street({PLATE: "AB1", (88, 30): "EF3", OTHER_PLATE: "CD2"}, [CAR])
    weak = pixels[30:94]
    weak[np.all(weak == (255, 0, 0), axis=2)] = (200, 0, 0)

    def texts(**options: Any) -> list[str]:
        return sorted(each.text for each in look(engine, pixels, **options).plates)

    assert texts() == ["AB1", "CD2"]
    assert texts(plates_per_vehicle=2) == ["AB1", "CD2", "EF3"]
    # Who blackens plates wants all of them.
    assert texts(mode="redaction") == ["AB1", "CD2", "EF3"]


def test_the_type_is_told_without_mmc_and_the_rest_with_it(engine: core_rs.Engine) -> None:
    pixels = street({PLATE: "AB1"}, [CAR], paint=250)
    [plain] = look(engine, pixels).vehicles
    assert plain.type == "Van"
    assert plain.type_score > 0.6
    assert (plain.colours, plain.orientations, plain.models) == ([], [], [])
    [full] = look(engine, pixels, mmc=True).vehicles
    assert full.box == plain.box
    assert full.colours[0][0] == "green"
    assert sum(score for _, score in full.colours) == pytest.approx(1, abs=1e-3)
    assert full.orientations[0][0] == "Front"
    # Two years of one model count together.
    assert [each[:3] for each in full.models] == [("Audi", "S4", 2012), ("BMW", "X5", None), ("Kia", "Unknown", None)]
    assert [each[3] for each in full.models] == pytest.approx([0.5, 0.4, 0.1])


def test_two_opinions_on_the_type_are_averaged(engine: core_rs.Engine) -> None:
    pixels = street({PLATE: "AB1"}, [CAR], paint=250)
    [alone] = look(engine, pixels).vehicles
    [both] = look(engine, pixels, mmc=True).vehicles
    # The make-model pack is sure of a Sedan.
    assert (alone.type, both.type) == ("Van", "Sedan")
    assert both.type_score == pytest.approx(1 - alone.type_score / 2, abs=1e-4)


def test_what_is_too_unsure_is_unknown(engine: core_rs.Engine) -> None:
    pixels = street({PLATE: "AB1"}, [CAR])
    pixels[np.all(pixels == 40, axis=2)] = 160
    [vehicle] = look(engine, pixels, mmc=True).vehicles
    assert vehicle.colours[0][0] == "unknown"
    assert vehicle.colours[0][1] == pytest.approx(2 / 3, abs=0.07)
    assert len(vehicle.colours) == 1
    [plain] = look(engine, pixels).vehicles
    assert (plain.type, plain.type_score) == ("Unknown", 0)


def test_a_make_may_be_told_without_a_model(tmp_path: Path) -> None:
    make_model = vehicle_models.make_model_pack(tmp_path / "mm", chances=(0.2, 0.1, 0.25, 0.3))
    text = (make_model / "manifest.toml").read_text().replace('["Audi", "S4", "2012"]', '["Audi", "A3", "2012"]')
    (make_model / "manifest.toml").write_text(text.replace('["Kia", "", ""]', '["Audi", "A4", ""]'))
    engine = core_rs.Engine(vehicle_models.vehicle_pack(tmp_path / "pack"), make_model_dir=make_model)
    [vehicle] = look(engine, street({PLATE: "AB1"}, [CAR]), mmc=True).vehicles
    [(make, model, year, score)] = vehicle.models
    assert (make, model, year) == ("Audi", "Unknown", None)
    assert score == pytest.approx(0.6)


def test_a_network_of_its_own_finds_the_same(tmp_path: Path) -> None:
    shared = core_rs.Engine(vehicle_models.vehicle_pack(tmp_path / "shared"))
    own = core_rs.Engine(vehicle_models.vehicle_pack(tmp_path / "own", own=True))
    pixels = street({PLATE: "AB1", OTHER_PLATE: "CD2"}, [CAR, OTHER_CAR])
    one, other = look(shared, pixels), look(own, pixels)
    assert [each.box for each in one.vehicles] == [each.box for each in other.vehicles]
    assert [(each.text, each.vehicle) for each in one.plates] == [(each.text, each.vehicle) for each in other.plates]
    assert own.pack.stages[2].size > 0


def test_vehicles_of_a_batch_stay_with_their_images(engine: core_rs.Engine) -> None:
    streets = [
        street({PLATE: "AB1"}, [CAR, OTHER_CAR]),
        street({}, []),
        street({OTHER_PLATE: "CD2"}, [OTHER_CAR], paint=250),
    ]
    images = [encoded(streets[0]), b"not an image", *map(encoded, streets[1:])]
    options = [
        core_rs.Options(detection_mode=mode, mmc=mmc)
        for mode, mmc in zip(("vehicle", "plate", "vehicle", "plate"), (False, True, True, True), strict=True)
    ]
    first, bad, none, last = engine.recognise(images, options)
    assert isinstance(bad, core_rs.ImageError)
    assert isinstance(first, core_rs.ImageReading)
    assert isinstance(none, core_rs.ImageReading)
    assert isinstance(last, core_rs.ImageReading)
    assert [len(each.vehicles) for each in (first, none, last)] == [2, 0, 1]
    assert all(each.models == [] for each in first.vehicles)
    assert last.vehicles[0].box == pytest.approx((344, 280, 600, 472), abs=1)
    assert last.vehicles[0].models
    assert last.timings["make_model"] > 0
    assert first.timings["make_model"] == 0


def test_a_pack_without_vehicles_answers_as_ever(tiny: Path) -> None:
    engine = core_rs.Engine(tiny)
    options: list[dict[str, Any]] = [{}, {"mmc": True, "detection_mode": "vehicle", "detection_rule_strict": True}]
    for each in options:
        answer = look(engine, scene({(64, 96): "AB1"}), **each)
        assert [(plate.text, plate.vehicle) for plate in answer.plates] == [("AB1", None)]
        assert answer.vehicles == []
        assert answer.timings["vehicles"] == answer.timings["zoom"] == answer.timings["attributes"] == 0


def far(text: str, at: tuple[int, int], car: bool = True) -> Pixels:
    """A picture of 1280 x 1024 with a plate at `at` and its vehicle's mark above, which is a cell of the vehicles at a
    quarter; the plate's own mark is too small there."""
    pixels = scene({at: text}, width=1280, height=1024)
    if car:
        x, y = at
        left, top = (x + 80) // 64 * 64, y // 64 * 64 - 64
        pixels[top : top + 64, left : left + 64] = (0, 0, 255)
    return pixels


FAR = (464, 640)  # at the bottom of its vehicle's box, (448, 512) to (640, 704)


@pytest.mark.parametrize(
    ("options", "found"),
    [
        ({}, ["AB1"]),
        ({"zoom_in_vehicles": 1}, ["AB1"]),
        ({"zoom_in_vehicles": 0}, []),
        ({"mode": "fast"}, []),
    ],
)
def test_a_vehicle_without_a_plate_is_looked_at_again(
    small: core_rs.Engine, options: dict[str, Any], found: list[str]
) -> None:
    answer = look(small, far("AB1", FAR), threshold_d=0.6, **options)
    assert [each.text for each in answer.plates] == found
    assert (answer.timings["zoom"] > 0) == bool(found)
    if found:
        [plate] = answer.plates
        # Back at its place in the whole picture.
        assert plate.box == pytest.approx((FAR[0], FAR[1], FAR[0] + 160, FAR[1] + 64), abs=1)
        assert plate.corners is not None
        assert plate.corners[0] == pytest.approx(plate.box[:2], abs=0.1)
        assert plate.vehicle == 0


def test_where_no_vehicle_is_nothing_is_looked_at_again(small: core_rs.Engine) -> None:
    answer = look(small, far("AB1", FAR, car=False), threshold_d=0.6)
    assert answer.plates == []
    assert answer.timings["zoom"] == 0


def test_no_second_look_where_the_first_had_every_pixel(engine: core_rs.Engine) -> None:
    answer = look(engine, street({}, [CAR]))
    assert answer.timings["vehicles"] > 0
    assert answer.timings["zoom"] == 0


def test_a_vehicle_with_its_plate_costs_no_second_look(tmp_path: Path) -> None:
    pack = vehicle_models.vehicle_pack(tmp_path, side=320, car=vehicle_models.SMALL_CAR, shrunk=4)
    engine = core_rs.Engine(pack)
    pixels = far("AB1", FAR)
    assert look(engine, pixels).timings["zoom"] > 0
    pixels[640:704, 512:576] = (255, 0, 0)
    answer = look(engine, pixels, threshold_o=0.0)
    assert [plate.vehicle for plate in answer.plates] == [0]
    assert answer.timings["zoom"] == 0


def test_only_so_many_vehicles_are_looked_at_again(small: core_rs.Engine) -> None:
    pixels = far("AB1", FAR)
    other = (FAR[0], FAR[1] - 512)
    pixels[:512] = far("CD2", other)[:512]
    texts = [
        sorted(each.text for each in look(small, pixels, threshold_d=0.6, zoom_in_vehicles=most).plates)
        for most in (0, 1, 2)
    ]
    assert texts[0] == []
    assert len(texts[1]) == 1
    assert texts[2] == ["AB1", "CD2"]


def test_a_passed_deadline_fails_each_image(engine: core_rs.Engine) -> None:
    answers = engine.recognise([encoded(street({PLATE: "AB1"}, [CAR]))] * 2, deadline_ms=0)
    assert all(isinstance(each, core_rs.DeadlineExceeded) for each in answers)


@pytest.mark.parametrize(("field", "value"), [("detection_mode", "car"), ("mmc", "yes")])
def test_bad_options_name_their_field(field: str, value: object) -> None:
    with pytest.raises((ValueError, TypeError), match=field):
        core_rs.Options(**{field: value})  # type: ignore[arg-type]


def test_options_keep_what_they_were_given() -> None:
    options = core_rs.Options(mmc=True, detection_mode="vehicle", detection_rule_strict=True)
    assert (options.mmc, options.detection_mode, options.detection_rule_strict) == (True, "vehicle", True)
    plain = core_rs.Options()
    assert (plain.mmc, plain.detection_mode, plain.detection_rule_strict) == (False, "plate", False)
