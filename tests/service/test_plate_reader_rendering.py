"""A reading as the body of /v1/plate-reader/: version 1 and the V2 JSON, field by field."""

from __future__ import annotations

import dataclasses
import json
from datetime import UTC, datetime

import pytest

from platehost.options import Options
from platehost.reading import Candidate, Model, Orientation, Reading, Vehicle
from platehost.renderings import plate_reader
from tests.service.scripted import plate, vehicle

ECHO = {"filename": "1405_AB12C_car.jpg", "camera_id": None, "timestamp": "2024-10-24T17:29:26Z"}
BOX = {"xmin": 10, "ymin": 21, "xmax": 110, "ymax": 50}
NO_VEHICLE = {"score": 0.0, "type": "Unknown", "box": {"xmin": 0, "ymin": 0, "xmax": 0, "ymax": 0}}


def test_version_1() -> None:
    body = plate_reader.cloud_answer(Reading(640, 480, (plate("AB12CDE", "gb"),), {"read": 7.12345}), Options(), ECHO)
    assert body == {
        "processing_time": 7.123,
        "results": [
            {
                "box": BOX,
                "plate": "ab12cde",
                "region": {"code": "gb", "score": 0.9},
                "score": 0.988,
                "candidates": [{"score": 0.988, "plate": "ab12cde"}, {"score": 0.4, "plate": "ab12cd8"}],
                "dscore": 0.912,
                "vehicle": NO_VEHICLE,
            }
        ],
        "filename": "1405_AB12C_car.jpg",
        "version": 1,
        "camera_id": None,
        "timestamp": "2024-10-24T17:29:26Z",
        "image_width": 640,
        "image_height": 480,
    }


def test_a_plate_without_region_has_an_empty_code() -> None:
    (result,) = plate_reader.wanted_results(Reading(640, 480, (plate("AB12CDE"),)), Options())
    assert result["region"] == {"code": "", "score": 0.0}


def test_boxes_stay_inside_the_picture() -> None:
    outside = dataclasses.replace(plate("AB12CDE"), box=(-3.0, 470.2, 641.7, 490.0))
    (result,) = plate_reader.wanted_results(Reading(640, 480, (outside,)), Options())
    assert result["box"] == {"xmin": 0, "ymin": 470, "xmax": 640, "ymax": 480}


@pytest.mark.parametrize(
    ("moment", "cloud", "cloud_short", "sdk", "sdk_short"),
    [
        (
            datetime(2024, 10, 24, 17, 29, 26, 70, UTC),
            "2024-10-24T17:29:26.000070Z",
            "2024-10-24T17:29:26Z",
            "2024-10-24 17:29:26.000070",
            "2024-10-24 17:29:26",
        ),
        (
            datetime(1, 1, 1, tzinfo=UTC),
            "0001-01-01T00:00:00.000000Z",
            "0001-01-01T00:00:00Z",
            "0001-01-01 00:00:00.000000",
            "0001-01-01 00:00:00",
        ),
    ],
)
def test_times_are_whole_in_every_year(
    moment: datetime, cloud: str, cloud_short: str, sdk: str, sdk_short: str
) -> None:
    assert plate_reader.cloud_time(moment, precise=True) == cloud
    assert plate_reader.cloud_time(moment, precise=False) == cloud_short
    assert plate_reader.sdk_time(moment, precise=True) == sdk
    assert plate_reader.sdk_time(moment, precise=False) == sdk_short


def test_no_plates_are_an_empty_list() -> None:
    for options in (Options(), Options(detection_mode="vehicle")):
        assert plate_reader.cloud_answer(Reading(640, 480), options, ECHO)["results"] == []


def seen(shown: Vehicle | None) -> Reading:
    return Reading(640, 480, (dataclasses.replace(plate("AB12CDE"), vehicle=shown),))


def test_mmc_tells_what_the_picture_shows_of_the_vehicle() -> None:
    (result,) = plate_reader.wanted_results(seen(vehicle()), Options(mmc=True))
    assert result["vehicle"] == {
        "score": 0.877,
        "type": "Sedan",
        "box": {"xmin": 0, "ymin": 1, "xmax": 200, "ymax": 300},
    }
    assert result["model_make"] == [
        {"make": "BMW", "model": "3 Series", "score": 0.612},
        {"make": "Audi", "model": "A4", "score": 0.21},
        {"make": "BMW", "model": "Unknown", "score": 0.1},
    ]
    assert result["color"] == [
        {"color": "silver", "score": 0.723},
        {"color": "white", "score": 0.2},
        {"color": "black", "score": 0.05},
    ]
    assert result["orientation"] == [
        {"orientation": "Rear", "score": 0.932},
        {"orientation": "Unknown", "score": 0.068},
    ]
    assert result["year"] == [{"year": 2012, "score": 0.822}]


def test_without_mmc_the_vehicle_has_its_type_and_box_alone() -> None:
    (result,) = plate_reader.wanted_results(seen(vehicle()), Options())
    assert result["vehicle"]["type"] == "Sedan"
    assert not {"model_make", "color", "orientation", "year", "direction"} & result.keys()


@pytest.mark.parametrize("shown", [None, Vehicle("Van", 0.5, (0.0, 0.0, 9.0, 9.0))])
def test_what_mmc_does_not_know_is_held_by_one_entry(shown: Vehicle | None) -> None:
    (result,) = plate_reader.wanted_results(seen(shown), Options(mmc=True))
    assert result["model_make"] == [{"make": "Unknown", "model": "Unknown", "score": 0.0}]
    assert result["color"] == [{"color": "unknown", "score": 0.0}]
    assert result["orientation"] == [{"orientation": "Unknown", "score": 0.0}]
    assert "year" not in result


def test_a_model_without_a_year_adds_none() -> None:
    models = (Model("BMW", "3 Series", 0.5), Model("Audi", "A4", 0.2, 2012))
    (result,) = plate_reader.wanted_results(seen(dataclasses.replace(vehicle(), models=models)), Options(mmc=True))
    assert result["year"] == [{"year": 2012, "score": 0.2}]


def test_scores_that_are_added_up_stay_scores() -> None:
    models = (Model("BMW", "X5", 0.6, 2010), Model("BMW", "X3", 0.4000001, 2010))
    (result,) = plate_reader.wanted_results(seen(dataclasses.replace(vehicle(), models=models)), Options(mmc=True))
    assert result["year"] == [{"year": 2010, "score": 1.0}]


def test_direction_comes_with_mmc_only() -> None:
    reading = seen(vehicle())
    (with_mmc,) = plate_reader.wanted_results(reading, Options(mmc=True, direction=True))
    assert (with_mmc["direction"], with_mmc["direction_score"]) == (90, 0.932)
    for options in (Options(direction=True), Options(mmc=True)):
        (result,) = plate_reader.wanted_results(reading, options)
        assert not {"direction", "direction_score"} & result.keys()


@pytest.mark.parametrize(
    ("shown", "degrees", "score"),
    [
        (vehicle("Front"), 270, 0.932),
        (vehicle("Rear"), 90, 0.932),
        (vehicle("Unknown"), None, 0.0),
        (dataclasses.replace(vehicle(), orientations=()), None, 0.0),
        (
            dataclasses.replace(vehicle(), orientations=(Orientation("Unknown", 0.5), Orientation("Rear", 0.4))),
            None,
            0.0,
        ),
        (None, None, 0.0),
    ],
)
def test_direction_is_told_by_the_side_that_shows(shown: Vehicle | None, degrees: int | None, score: float) -> None:
    (result,) = plate_reader.wanted_results(seen(shown), Options(mmc=True, direction=True))
    assert (result["direction"], result["direction_score"]) == (degrees, score)


PROPS = {
    "make_model": [
        {"make": "BMW", "model": "3 Series", "score": 0.612},
        {"make": "Audi", "model": "A4", "score": 0.21},
        {"make": "BMW", "model": "Unknown", "score": 0.1},
    ],
    "orientation": [{"value": "Rear", "score": 0.932}, {"value": "Unknown", "score": 0.068}],
    "color": [{"value": "silver", "score": 0.723}, {"value": "white", "score": 0.2}, {"value": "black", "score": 0.05}],
}
NO_PROPS: dict[str, list[object]] = {"make_model": [], "orientation": [], "color": []}


@pytest.mark.parametrize(("mmc", "props"), [(True, PROPS), (False, NO_PROPS)])
def test_detection_mode_vehicle_gives_the_v2_json(mmc: bool, props: dict[str, object]) -> None:
    many = tuple(Candidate(f"AB12CD{number}", 0.9 - number / 10) for number in range(5))
    found = dataclasses.replace(plate("AB12CDE", "gb"), candidates=many, vehicle=vehicle())
    bare = dataclasses.replace(vehicle(), type="Bus", box=(300.0, 10.0, 900.0, 400.0))
    reading = Reading(640, 480, (found,), bare_vehicles=(bare,))
    body = plate_reader.cloud_answer(reading, Options(detection_mode="vehicle", mmc=mmc), ECHO)
    assert {"processing_time", "filename", "version", "camera_id", "timestamp"} < body.keys()
    expected = [
        {
            "plate": {
                "type": "Plate",
                "score": 0.912,
                "box": BOX,
                "props": {
                    "plate": [
                        {"value": "ab12cd0", "score": 0.9},
                        {"value": "ab12cd1", "score": 0.8},
                        {"value": "ab12cd2", "score": 0.7},
                    ],
                    "region": [{"value": "gb", "score": 0.9}],
                },
            },
            "vehicle": {
                "type": "Sedan",
                "score": 0.877,
                "box": {"xmin": 0, "ymin": 1, "xmax": 200, "ymax": 300},
                "props": props,
            },
        },
        {
            "plate": None,
            "vehicle": {
                "type": "Bus",
                "score": 0.877,
                "box": {"xmin": 300, "ymin": 10, "xmax": 640, "ymax": 400},
                "props": props,
            },
        },
    ]
    # As text, so that the order of the members counts.
    assert json.dumps(body["results"]) == json.dumps(expected)


def test_vehicles_without_a_plate_are_the_v2_jsons_alone() -> None:
    reading = Reading(640, 480, bare_vehicles=(vehicle(),))
    assert plate_reader.wanted_results(reading, Options()) == []
    (result,) = plate_reader.wanted_results(reading, Options(detection_mode="vehicle"))
    assert result["plate"] is None


def test_v2_holds_the_place_of_an_unknown_vehicle_and_region() -> None:
    options = Options(detection_mode="vehicle", mmc=True)
    (result,) = plate_reader.wanted_results(Reading(640, 480, (plate("AB12CDE"),)), options)
    assert result["plate"]["props"]["region"] == []
    assert result["vehicle"] == {**NO_VEHICLE, "props": NO_PROPS}


def test_the_sdk_has_its_own_top_level() -> None:
    body = plate_reader.sdk_answer(
        Reading(640, 480, (plate("AB12CDE"),), {"read": 7.0}), Options(), ECHO, calls=3, max_calls=2500
    )
    assert list(body) == ["filename", "timestamp", "camera_id", "results", "usage", "processing_time"]
    assert body["usage"] == {"calls": 3, "max_calls": 2500}
