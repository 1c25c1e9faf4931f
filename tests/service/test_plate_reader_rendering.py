"""A reading as the body of /v1/plate-reader/: version 1 and the V2 JSON, field by field."""

from __future__ import annotations

import dataclasses
from datetime import UTC, datetime

import pytest

from platehost.options import Options
from platehost.reading import Candidate, Reading, Vehicle
from platehost.renderings import plate_reader
from tests.service.scripted import plate

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


def test_direction_comes_with_mmc_only() -> None:
    reading = Reading(640, 480, (plate("AB12CDE"),))
    (with_mmc,) = plate_reader.wanted_results(reading, Options(mmc=True, direction=True))
    assert with_mmc["direction"] is None
    assert with_mmc["direction_score"] == 0.0
    for options in (Options(direction=True), Options(mmc=True)):
        (result,) = plate_reader.wanted_results(reading, options)
        assert not {"direction", "direction_score"} & result.keys()


def test_detection_mode_vehicle_gives_the_v2_json() -> None:
    found = plate("AB12CDE", "gb")
    many = tuple(Candidate(f"AB12CD{number}", 0.9 - number / 10) for number in range(5))
    found = dataclasses.replace(found, candidates=many, vehicle=Vehicle("Sedan", 0.87654, (0.2, 1.0, 200.4, 300.0)))
    body = plate_reader.cloud_answer(Reading(640, 480, (found,)), Options(detection_mode="vehicle", mmc=True), ECHO)
    assert {"processing_time", "filename", "version", "camera_id", "timestamp"} < body.keys()
    assert body["results"] == [
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
                "score": 0.877,
                "type": "Sedan",
                "box": {"xmin": 0, "ymin": 1, "xmax": 200, "ymax": 300},
                "props": {"make_model": [], "orientation": [], "color": []},
            },
        }
    ]


def test_v2_holds_the_place_of_an_unknown_vehicle_and_region() -> None:
    (result,) = plate_reader.wanted_results(Reading(640, 480, (plate("AB12CDE"),)), Options(detection_mode="vehicle"))
    assert result["plate"]["props"]["region"] == []
    props = {"make_model": [], "orientation": [], "color": []}
    assert result["vehicle"] == {**NO_VEHICLE, "props": props}


def test_the_sdk_has_its_own_top_level() -> None:
    body = plate_reader.sdk_answer(
        Reading(640, 480, (plate("AB12CDE"),), {"read": 7.0}), Options(), ECHO, calls=3, max_calls=2500
    )
    assert list(body) == ["filename", "timestamp", "camera_id", "results", "usage", "processing_time"]
    assert body["usage"] == {"calls": 3, "max_calls": 2500}
