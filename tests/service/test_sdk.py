"""The SDK's form of the Snapshot API on a port of its own: no key, 200, usage in every answer."""

from __future__ import annotations

import dataclasses
import io
import re
from typing import Any

import pytest
import redis
import requests
from flask.testing import FlaskClient

from platehost.accounts import Accounts
from platehost.reading import Reading
from platehost.settings import Settings
from platehost.targets import Targets
from tests.service.scripted import ScriptedReader, plate, run_worker
from tests.service.support import SAMPLE_PLATE, Processes
from web.app import create_app

JPEG = b"\xff\xd8\xff\xe0 the first bytes of a picture"


@pytest.fixture
def sdk(settings: Settings) -> FlaskClient:
    return create_app(dataclasses.replace(settings, face="sdk", sync_window=0)).test_client()


def post(running: Processes, path: str = "/v1/plate-reader/", **rest: Any) -> requests.Response:
    return requests.post(running.sdk_url + path, timeout=30, allow_redirects=False, **rest)


def test_it_reads_a_picture_without_a_key(running: Processes, photo: bytes) -> None:
    answer = post(running, files={"upload": ("car.jpg", photo)})
    assert answer.status_code == 200
    body = answer.json()
    assert list(body) == ["filename", "timestamp", "camera_id", "results", "usage", "processing_time"]
    assert body["filename"] == "car.jpg"
    assert re.fullmatch(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{6}", body["timestamp"])
    assert body["camera_id"] is None
    assert body["results"][0]["plate"] == SAMPLE_PLATE
    # Home Assistant computes this outside of its try block.
    assert body["usage"]["max_calls"] - body["usage"]["calls"] > 0
    assert body["processing_time"] > 0
    after = post(running, files={"upload": ("car.jpg", photo)}).json()
    assert after["usage"]["calls"] > body["usage"]["calls"]


def test_a_key_means_nothing_there(running: Processes, photo: bytes) -> None:
    for header in ("Token wrong", "Basic eDp5", ""):
        assert post(running, files={"upload": photo}, headers={"Authorization": header}).status_code == 200


def test_the_port_of_the_cloud_beside_it_takes_keys_only(running: Processes, photo: bytes) -> None:
    answer = requests.post(f"{running.url}/v1/plate-reader/", files={"upload": photo}, timeout=30)
    assert answer.status_code == 403


def test_the_old_route_takes_its_own_field(running: Processes, photo: bytes) -> None:
    for name in ("file", "upload"):
        answer = post(running, "/alpr", files={name: ("car.jpg", photo)})
        assert answer.status_code == 200
        assert answer.json()["results"][0]["plate"] == SAMPLE_PLATE


@pytest.mark.parametrize("path", ["/info/", "/info"])
def test_info(running: Processes, path: str) -> None:
    answer = requests.get(running.sdk_url + path, timeout=5, allow_redirects=False)
    assert answer.status_code == 200
    body = answer.json()
    assert list(body) == ["version", "license_key", "total_calls", "usage", "webhooks"]
    assert re.match(r"\d+\.\d+", body["version"])
    assert body["total_calls"] > body["usage"]["calls"] >= 0
    assert body["webhooks"] == []


def test_info_names_the_receivers_that_are_on(sdk: FlaskClient, store: redis.Redis) -> None:
    targets = Targets(store)
    targets.add("main", "https://a.example/hook")
    targets.switch_off(targets.add("main", "https://b.example/hook").id, "gone")
    targets.add("other", "https://c.example/hook")
    assert sdk.get("/info/").get_json()["webhooks"] == ["https://a.example/hook"]


def test_the_root_is_200_for_clients_that_look_before_they_start(running: Processes) -> None:
    assert requests.get(running.sdk_url, timeout=2).status_code == 200


@pytest.mark.parametrize("path", ["/liveliness/", "/readiness/", "/liveliness"])
def test_probes_have_a_port_of_their_own(running: Processes, path: str) -> None:
    assert requests.get(running.probe_url + path, timeout=5, allow_redirects=False).status_code == 200
    missing = requests.post(f"{running.probe_url}/v1/plate-reader/", timeout=5)
    assert missing.status_code == 404
    assert missing.json() == {"detail": "Not found.", "status_code": 404}


@pytest.mark.parametrize(
    ("sent", "echoed"),
    [("2019-08-19T13:11:25", "2019-08-19 13:11:25"), ("2019-08-19T13:11:25.5+02:00", "2019-08-19 11:11:25.500000")],
)
def test_a_job_is_looked_after_without_a_key_and_answered_in_the_sdks_form(
    sdk: FlaskClient, store: redis.Redis, settings: Settings, sent: str, echoed: str
) -> None:
    fields = {"upload": (io.BytesIO(JPEG), "../../etc/pass wd.jpg"), "timestamp": sent, "camera_id": "gate"}
    answer = sdk.post("/v1/plate-reader/", data=fields)
    assert answer.status_code == 202
    assert set(answer.get_json()["usage"]) == {"calls", "max_calls"}
    run_worker(store, settings, ScriptedReader(Reading(640, 480, (plate("AB12CDE", "gb"),))))
    (result,) = sdk.get(answer.headers["Location"]).get_json()["results"]
    assert result["filename"] == "etc_pass_wd.jpg"
    assert result["timestamp"] == echoed
    assert result["camera_id"] == "gate"
    assert result["usage"]["calls"] == 1
    assert sdk.get(answer.headers["Location"], headers={"Authorization": "Token wrong"}).status_code == 401


def test_calls_without_a_key_belong_to_the_account_of_the_setting(settings: Settings, store: redis.Redis) -> None:
    other = dataclasses.replace(settings, face="sdk", sdk_account="gate", sync_window=0)
    client = create_app(other).test_client()
    job = client.post("/v1/plate-reader/", data={"upload": (io.BytesIO(JPEG), "a.jpg")}).headers["Location"]
    key = Accounts(store).create_key("of main")
    assert client.get(job, headers={"Authorization": f"Token {key}"}).status_code == 404
    key = Accounts(store).create_key("of gate", "gate")
    assert client.get(job, headers={"Authorization": f"Token {key}"}).status_code == 200


def test_it_never_throttles(settings: Settings) -> None:
    client = create_app(dataclasses.replace(settings, rate_limit="1 per hour", sync_window=0), face="sdk").test_client()
    for _ in range(3):
        assert client.post("/v1/plate-reader/", data={"upload": (io.BytesIO(JPEG), "a.jpg")}).status_code == 202


def test_it_is_no_way_into_the_other_api(sdk: FlaskClient) -> None:
    answer = sdk.post("/api/v1/recognise", data={"upload": (io.BytesIO(JPEG), "a.jpg")})
    assert answer.status_code == 401
    assert answer.get_json()["error"]["code"] == "INVALID_API_KEY"


def test_an_empty_call_is_400(sdk: FlaskClient) -> None:
    answer = sdk.post("/v1/plate-reader/")
    assert answer.status_code == 400
    assert list(answer.get_json()) == ["upload"]


def test_an_empty_call_is_200_by_setting(settings: Settings) -> None:
    """The vendor's installer posts nothing, and waits for any status under 400."""
    client = create_app(dataclasses.replace(settings, face="sdk", sdk_empty_status=200)).test_client()
    for path in ("/v1/plate-reader/", "/v1/plate-reader", "/alpr"):
        answer = client.post(path)
        assert answer.status_code == 200
        assert list(answer.get_json()) == ["error"]
    # A form without a picture is a mistake all the same.
    assert client.post("/v1/plate-reader/", data={"regions": "gb"}).status_code == 400


def test_statistics_are_the_clouds_alone(sdk: FlaskClient, client: FlaskClient, token: dict[str, str]) -> None:
    assert sdk.get("/v1/statistics/").status_code == 404
    assert client.get("/info/", headers=token).status_code == 404


@pytest.mark.parametrize("path", ["/v1/sdk-webhooks/ABCDEF/", "/v1/stream/license/ABCDEF/"])
def test_installers_find_their_licence_with_a_good_token_only(
    client: FlaskClient, token: dict[str, str], path: str
) -> None:
    assert client.get(path, headers=token).status_code == 200
    assert client.get(path, headers={"Authorization": "Token wrong"}).status_code == 403


@pytest.mark.parametrize(("face", "status", "expected"), [("sdk", 201, 201), ("cloud", 200, 200)])
def test_the_status_is_a_setting(
    settings: Settings, store: redis.Redis, key: str, face: str, status: int, expected: int
) -> None:
    chosen = dataclasses.replace(settings, face=face, snapshot_status=status, sync_window=10)
    client = create_app(chosen).test_client()
    jobs = client.application.extensions["platehost"].jobs
    wait = jobs.wait

    def work_and_wait(job_id: str, seconds: float) -> Any:
        run_worker(store, settings, ScriptedReader(Reading(640, 480)))
        return wait(job_id, seconds)

    jobs.wait = work_and_wait
    answer = client.post(
        "/v1/plate-reader/",
        headers={"Authorization": f"Token {key}"},
        data={"upload": (io.BytesIO(JPEG), "a.jpg")},
    )
    assert answer.status_code == expected
