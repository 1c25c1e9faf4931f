"""Each shape of an answer against its JSON schema: full vehicles, none, and what the running service answers.

The members are also written out here by hand, from the descriptions of the APIs, so that a schema which was changed
along with the code does not prove itself.
"""

from __future__ import annotations

import dataclasses
import json
from typing import Any

import pytest
import requests

from platehost.options import Options
from platehost.reading import Orientation, Reading, Registration, Vehicle
from platehost.renderings import codeproject, npr, plate_reader
from tests.service.scripted import plate, vehicle
from tests.service.shapes import faults, open_objects
from tests.service.support import Processes

ECHO = {"filename": "1405_AB12C_car.jpg", "camera_id": None, "timestamp": "2024-10-24T17:29:26Z"}
BARE = Vehicle("Big Truck", 0.5, (300.0, 10.0, 639.0, 400.0))
SIDES = ("xmin", "ymin", "xmax", "ymax")

FULL = dataclasses.replace(plate("AB12CDE", "gb"), vehicle=vehicle())
READINGS = {
    "a full vehicle": Reading(640, 480, (FULL,), {"read": 7.0}, (vehicle("Front"),)),
    "a vehicle of which nothing is known": Reading(640, 480, (dataclasses.replace(FULL, vehicle=BARE),), {}, (BARE,)),
    "no vehicle": Reading(640, 480, (plate("AB12CDE"),)),
    "a vehicle without a plate": Reading(640, 480, bare_vehicles=(BARE,)),
    "a side that is not known": Reading(
        640,
        480,
        (
            dataclasses.replace(
                FULL, vehicle=dataclasses.replace(vehicle(), orientations=(Orientation("Unknown", 0.6),))
            ),
        ),
    ),
    "several": Reading(640, 480, (FULL, plate("XY99ZZZ"), FULL), {"read": 1e-4}, (BARE, vehicle())),
    "nothing": Reading(640, 480),
}
SHAPES = {
    "Result": Options(),
    "ResultMmc": Options(mmc=True),
    "ResultMmc with direction": Options(mmc=True, direction=True),
    "ResultV2": Options(detection_mode="vehicle"),
    "ResultV2 with mmc": Options(detection_mode="vehicle", mmc=True),
}

# The tables of the Snapshot API, versions 1 and 2: member to its members.
VERSION_1: dict[str, Any] = {
    "box": SIDES,
    "plate": None,
    "region": ("code", "score"),
    "score": None,
    "candidates": [("score", "plate")],
    "dscore": None,
    "vehicle": {"score": None, "type": None, "box": SIDES},
}
MMC: dict[str, Any] = {
    **VERSION_1,
    "model_make": [("make", "model", "score")],
    "color": [("color", "score")],
    "orientation": [("orientation", "score")],
}
YEAR = {"year": [("year", "score")]}
DIRECTION = {"direction": None, "direction_score": None}
V2: dict[str, Any] = {
    "plate": {
        "type": None,
        "score": None,
        "box": SIDES,
        "props": {"plate": [("value", "score")], "region": [("value", "score")]},
    },
    "vehicle": {
        "type": None,
        "score": None,
        "box": SIDES,
        "props": {
            "make_model": [("make", "model", "score")],
            "orientation": [("value", "score")],
            "color": [("value", "score")],
        },
    },
}


def agrees(found: Any, table: Any) -> None:
    """Fails unless `found` has the members of `table` in their order, and no others."""
    if table is None:
        assert not isinstance(found, dict | list)
    elif isinstance(table, list):
        assert isinstance(found, list)
        for each in found:
            agrees(each, table[0])
    elif isinstance(table, tuple):
        assert tuple(found) == table
    else:
        assert list(found) == list(table)
        for name, below in table.items():
            agrees(found[name], below)


@pytest.mark.parametrize("name", ["CloudAnswer", "SdkAnswer", "NprAnswer", "WebhookPayload"])
def test_the_shapes_are_closed(name: str) -> None:
    assert open_objects(name) == []


@pytest.mark.parametrize("reading", list(READINGS))
@pytest.mark.parametrize("shape", list(SHAPES))
def test_every_reading_has_the_shape_that_was_asked_for(shape: str, reading: str) -> None:
    options = SHAPES[shape]
    body = json.loads(json.dumps(plate_reader.cloud_answer(READINGS[reading], options, ECHO)))
    assert faults("CloudAnswer", body) == []
    for result in body["results"]:
        assert faults(shape.partition(" ")[0], result) == []
    sdk_echo = {**ECHO, "timestamp": "2025-01-31 09:54:50.792060"}
    sdk = plate_reader.sdk_answer(READINGS[reading], options, sdk_echo, calls=3, max_calls=2500)
    assert faults("SdkAnswer", json.loads(json.dumps(sdk))) == []


@pytest.mark.parametrize("reading", list(READINGS))
def test_version_1_has_the_members_of_its_table(reading: str) -> None:
    shown = READINGS[reading]
    for result in plate_reader.wanted_results(shown, Options()):
        agrees(result, VERSION_1)
    for result in plate_reader.wanted_results(shown, Options(mmc=True)):
        agrees(result, {**MMC, **(YEAR if "year" in result else {})})
    for result in plate_reader.wanted_results(shown, Options(mmc=True, direction=True)):
        agrees(result, {**MMC, **(YEAR if "year" in result else {}), **DIRECTION})


@pytest.mark.parametrize("reading", list(READINGS))
@pytest.mark.parametrize("mmc", [True, False])
def test_version_2_has_the_members_of_its_seed(reading: str, mmc: bool) -> None:
    shown = READINGS[reading]
    results = plate_reader.wanted_results(shown, Options(detection_mode="vehicle", mmc=mmc))
    assert len(results) == len(shown.plates) + len(shown.bare_vehicles)
    for result in results:
        agrees(result, V2 if result["plate"] else {**V2, "plate": None})
        lists = [*result["vehicle"]["props"].values(), *(result["plate"]["props"].values() if result["plate"] else ())]
        assert all(len(each) <= 3 for each in lists)


@pytest.mark.parametrize(
    "reading",
    [*(each for each, shown in READINGS.items() if shown.plates), "a register's word"],
)
def test_the_npr_answer_and_that_of_codeproject(reading: str) -> None:
    shown = READINGS.get(reading) or Reading(
        640, 480, (dataclasses.replace(FULL, registration=Registration("dvla", "Ford", year=2019)),)
    )
    assert faults("NprAnswer", json.loads(json.dumps(npr.render(shown)))) == []
    for prediction in codeproject.render(shown, min_confidence=0)["predictions"]:
        agrees(prediction, dict.fromkeys(("plate", "label", "confidence", "x_min", "y_min", "x_max", "y_max")))


@pytest.mark.parametrize(
    ("shape", "spoil"),
    [
        ("Result", {"model_make": [{"make": "BMW", "model": "X5", "score": 0.5}]}),
        ("Result", {"vehicle": None}),
        ("ResultMmc", {"color": []}),
        ("ResultMmc", {"color": [{"color": "pink", "score": 0.5}]}),
        ("ResultMmc", {"orientation": [{"orientation": "Left", "score": 0.5}]}),
        ("ResultMmc", {"direction": 90}),
        ("ResultMmc", {"year": []}),
        ("ResultV2", {"box": {}}),
        ("ResultV2", {"vehicle": None}),
    ],
)
def test_a_shape_that_is_not_met_is_noticed(shape: str, spoil: dict[str, Any]) -> None:
    (result,) = plate_reader.wanted_results(Reading(640, 480, (FULL,)), SHAPES[shape])
    assert faults(shape, {**result, **spoil})


@pytest.mark.parametrize("shape", list(SHAPES))
def test_the_running_service_answers_in_the_shape_that_was_asked_for(
    running: Processes, running_key: str, photo: bytes, shape: str
) -> None:
    options = SHAPES[shape]
    fields = {
        "mmc": str(options.mmc),
        "direction": str(options.direction),
        "config": json.dumps({"detection_mode": options.detection_mode}),
    }
    headers = {"Authorization": f"Token {running_key}"}
    for url, name in ((running.url, "CloudAnswer"), (running.sdk_url, "SdkAnswer")):
        answer = requests.post(
            f"{url}/v1/plate-reader/", headers=headers, data=fields, files={"upload": photo}, timeout=60
        )
        assert answer.ok, answer.text
        body = answer.json()
        assert faults(name, body) == []
        assert body["results"]
        for result in body["results"]:
            assert faults(shape.partition(" ")[0], result) == []


def test_the_running_services_npr_answer(running: Processes, running_key: str, photo: bytes) -> None:
    answer = requests.post(
        f"{running.url}/api/v1/recognise",
        headers={"Authorization": f"Bearer {running_key}"},
        files={"upload": photo},
        timeout=60,
    )
    assert faults("NprAnswer", answer.json()) == []
