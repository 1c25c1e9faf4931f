"""CodeProject.AI's ALPR route, as Blue Iris and Frigate add-ons call it."""

from __future__ import annotations

import dataclasses
import io

import pytest
import redis
import requests
from flask.testing import FlaskClient

from platehost.reading import Reading
from platehost.settings import Settings
from tests.service.scripted import ScriptedReader, plate, run_worker, vehicle
from tests.service.support import SAMPLE_PLATE, Processes
from tests.service.test_npr import blank
from web.app import create_app

JPEG = b"\xff\xd8\xff\xe0 the first bytes of a picture"
ROUTES = ["/v1/vision/alpr", "/v1/image/alpr", "/v1/vision/alpr/"]


@pytest.mark.parametrize("path", ROUTES)
def test_it_reads_a_picture_without_a_key_on_the_sdks_port(running: Processes, photo: bytes, path: str) -> None:
    answer = requests.post(running.sdk_url + path, files={"upload": photo}, timeout=30, allow_redirects=False)
    assert answer.status_code == 200
    body = answer.json()
    assert body["success"] is True
    assert body["message"] == "Found 1 plate"
    assert body["count"] == 1
    assert "error" not in body
    (prediction,) = body["predictions"]
    assert list(prediction) == ["plate", "label", "confidence", "x_min", "y_min", "x_max", "y_max"]
    assert prediction["plate"] == SAMPLE_PLATE.upper()
    assert prediction["label"] == f"Plate: {SAMPLE_PLATE.upper()}"
    assert 0.6 <= prediction["confidence"] <= 1
    assert 0 <= prediction["x_min"] < prediction["x_max"] <= 1280
    assert 0 <= prediction["y_min"] < prediction["y_max"] <= 720
    assert type(body["inferenceMs"]) is type(body["processMs"]) is int


def test_no_plate_is_a_success_with_an_empty_list(running: Processes) -> None:
    answer = requests.post(f"{running.sdk_url}/v1/vision/alpr", files={"upload": blank(640, 480)}, timeout=30)
    assert answer.status_code == 200
    assert answer.json()["success"] is True
    assert answer.json()["predictions"] == []
    assert answer.json()["count"] == 0


@pytest.mark.parametrize("path", ROUTES)
def test_beside_the_cloud_it_takes_a_key(running: Processes, running_key: str, photo: bytes, path: str) -> None:
    url = running.url + path
    refused = requests.post(url, files={"upload": photo}, timeout=30)
    assert refused.status_code == 403
    assert refused.json()["success"] is False
    headers = {"Authorization": f"Bearer {running_key}"}
    assert requests.post(url, headers=headers, files={"upload": photo}, timeout=30).status_code == 200


def test_min_confidence_bounds_the_score(settings: Settings, store: redis.Redis) -> None:
    client = create_app(dataclasses.replace(settings, sync_window=0), face="sdk").test_client()
    reader = ScriptedReader(Reading(640, 480, (plate("AB12CDE"),)))
    for sent, count in (("0.99", 0), ("0.5", 1), (None, 1)):
        fields = {"upload": (io.BytesIO(JPEG), "a.jpg"), **({"min_confidence": sent} if sent else {})}
        job = client.post("/v1/vision/alpr", data=fields).headers["Location"]
        run_worker(store, settings, reader)
        assert client.get(job).get_json()["results"][0]["count"] == count
        assert reader.options[-1].threshold_o == float(sent or 0.6)


def test_a_vehicle_has_no_place_and_none_is_asked_for(settings: Settings, store: redis.Redis) -> None:
    client = create_app(dataclasses.replace(settings, sync_window=0), face="sdk").test_client()
    seen = dataclasses.replace(plate("AB12CDE"), vehicle=vehicle())
    reader = ScriptedReader(Reading(640, 480, (seen,)))
    job = client.post("/v1/vision/alpr", data={"upload": (io.BytesIO(JPEG), "a.jpg")}).headers["Location"]
    run_worker(store, settings, reader)
    (prediction,) = client.get(job).get_json()["results"][0]["predictions"]
    assert prediction.keys() == {"plate", "label", "confidence", "x_min", "y_min", "x_max", "y_max"}
    assert (prediction["x_min"], prediction["y_max"]) == (10, 50), "the plate's box, not the vehicle's"
    assert [each.mmc for each in reader.options] == [False]


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"upload": "aGVsbG8gd29ybGQ="},
        {"upload": "/9j/4AAQ", "min_confidence": "much"},
        {"upload": "/9j/4AAQ", "min_confidence": "2"},
        {"upload": "/9j/4AAQ", "min_confidence": "nan"},
    ],
    ids=["nothing", "no picture", "a word", "too much", "no number"],
)
def test_bad_fields_are_told_in_its_own_envelope(settings: Settings, fields: dict[str, str]) -> None:
    client: FlaskClient = create_app(settings, face="sdk").test_client()
    answer = client.post("/v1/vision/alpr", data=fields)
    assert answer.status_code == 400
    body = answer.get_json()
    assert body.keys() == {"success", "error", "code"}
    assert body["success"] is False
    assert body["code"] == 400
    if "min_confidence" in fields:
        assert "min_confidence" in body["error"]
