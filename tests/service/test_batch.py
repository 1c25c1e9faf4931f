"""POST /api/v1/batch: up to 20 pictures, answered whole or by a job."""

from __future__ import annotations

import dataclasses
import io
from typing import Any

import pytest
import redis
import requests
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from platehost.accounts import Accounts
from platehost.reading import Failure, Reading
from platehost.settings import Settings
from tests.service.scripted import ScriptedReader, plate, run_worker
from tests.service.support import SAMPLE_PLATE, Processes, wait_until
from tests.service.test_npr import RATE_HEADERS, blank
from web.app import create_app

JPEG = b"\xff\xd8\xff\xe0 the first bytes of a picture"
BATCH = "/api/v1/batch"


@pytest.fixture
def client(settings: Settings) -> FlaskClient:
    return create_app(dataclasses.replace(settings, sync_window=0)).test_client()


def send(client: FlaskClient, headers: dict[str, str], *pictures: bytes, field: str = "images[]") -> TestResponse:
    files = [(io.BytesIO(each), f"{number}.jpg") for number, each in enumerate(pictures)]
    return client.post(BATCH, headers=headers, data={field: files})


@pytest.mark.parametrize("field", ["images[]", "images"])
def test_pictures_are_answered_in_their_order_each_for_itself(
    running: Processes, running_key: str, photo: bytes, field: str
) -> None:
    sent = [photo, b"no picture", blank(640, 480), blank(319, 240), b"", photo]
    answer = requests.post(
        running.url + BATCH,
        headers={"Authorization": f"Bearer {running_key}"},
        files=[(field, ("car.jpg", each)) for each in sent],
        timeout=60,
    )
    assert answer.status_code == 200
    assert all(answer.headers[name].isdigit() for name in RATE_HEADERS)
    body = answer.json()
    assert body["success"] is True
    codes = [each.get("error", {}).get("code") for each in body["results"]]
    assert codes == [None, "INVALID_IMAGE", "NO_PLATES_FOUND", "INVALID_IMAGE", "INVALID_IMAGE", None]
    for place in (0, 5):
        assert body["results"][place]["success"] is True
        assert body["results"][place]["results"][0]["plate"].replace(" ", "") == SAMPLE_PLATE.upper()
    for place in (1, 2, 3, 4):
        assert body["results"][place]["success"] is False
        assert body["results"][place]["error"]["message"]


def test_a_picture_that_is_too_large_does_not_fail_the_others(
    client: FlaskClient, token: dict[str, str], store: redis.Redis, settings: Settings
) -> None:
    job = send(client, token, JPEG, JPEG + bytes(1_000_000)).headers["Location"]
    run_worker(store, settings, ScriptedReader(Reading(640, 480, (plate("AB12CDE", "gb"),))))
    body = client.get(job, headers=token).get_json()
    assert body["results"][0]["results"][0]["plate"] == "AB12 CDE"
    assert body["results"][1]["error"]["code"] == "IMAGE_TOO_LARGE"
    assert body["errors"] == [
        {"image": 1, "status": 413, "code": "IMAGE_TOO_LARGE", "message": body["results"][1]["error"]["message"]}
    ]


def test_a_batch_may_have_more_bytes_than_a_picture(
    client: FlaskClient, token: dict[str, str], store: redis.Redis
) -> None:
    assert send(client, token, *[JPEG + bytes(900_000)] * 5).status_code == 202
    assert store.llen("rq:queue:recognise") == 5


@pytest.mark.parametrize(
    ("count", "code"), [(0, "INVALID_IMAGE"), (21, "INVALID_REQUEST")], ids=["no pictures", "too many"]
)
def test_counts_that_are_refused(
    client: FlaskClient, token: dict[str, str], store: redis.Redis, count: int, code: str
) -> None:
    answer = send(client, token, *[JPEG] * count)
    assert answer.status_code == 400
    assert answer.get_json()["error"]["code"] == code
    assert "images[]" in answer.get_json()["error"]["message"]
    assert store.llen("rq:queue:recognise") == 0


def test_a_batch_tells_its_results_as_they_come(
    client: FlaskClient, token: dict[str, str], store: redis.Redis, settings: Settings
) -> None:
    answer = send(client, token, JPEG, JPEG, JPEG)
    assert answer.status_code == 202
    assert answer.get_json()["progress"] == {"done": 0, "total": 3}
    assert answer.get_json()["job_id"] == answer.headers["X-Job-Id"]
    job = answer.headers["Location"]
    assert client.get(job, headers=token).get_json()["state"] == "queued"
    # The last two of the queue are held back from the worker.
    held = [store.rpop("rq:queue:recognise") for _ in range(2)]
    run_worker(store, settings, ScriptedReader(Reading(640, 480, (plate("AB12CDE", "gb"),))))
    answer = client.get(job, headers=token)
    body = answer.get_json()
    assert body["state"] == "started"
    assert body["progress"] == {"done": 1, "total": 3}
    assert [each["image"] for each in body["results"]] == [0]
    assert answer.headers["Retry-After"] == "1"
    store.rpush("rq:queue:recognise", *reversed(held))
    run_worker(store, settings, ScriptedReader(Failure("corrupt_image", "Broken."), Reading(640, 480)))
    answer = client.get(job, headers=token)
    body = answer.get_json()
    assert "Retry-After" not in answer.headers
    assert body["state"] == "finished"
    assert body["progress"] == {"done": 3, "total": 3}
    assert [each["image"] for each in body["results"]] == [0, 1, 2]
    assert [(each["image"], each["code"]) for each in body["errors"]] == [(1, "INVALID_IMAGE"), (2, "NO_PLATES_FOUND")]


def test_it_answers_at_once_when_asked_to(settings: Settings, token: dict[str, str]) -> None:
    client = create_app(dataclasses.replace(settings, sync_window=60)).test_client()
    answer = send(client, {**token, "Prefer": "respond-async"}, JPEG)
    assert answer.status_code == 202
    assert answer.headers["Preference-Applied"] == "respond-async"


def test_cancelling_a_batch_keeps_what_was_read(
    client: FlaskClient, token: dict[str, str], store: redis.Redis, settings: Settings
) -> None:
    job = send(client, token, JPEG, JPEG).headers["Location"]
    held = store.rpop("rq:queue:recognise")
    run_worker(store, settings, ScriptedReader(Reading(640, 480, (plate("AB12CDE", "gb"),))))
    store.rpush("rq:queue:recognise", held)
    answer = client.delete(job, headers=token)
    assert answer.status_code == 200
    body = answer.get_json()
    assert body["state"] == "cancelled"
    assert body["results"][0]["success"] is True
    assert body["results"][1]["error"]["code"] == "JOB_CANCELLED"
    assert store.llen("rq:queue:recognise") == 0


def test_only_the_owner_sees_a_batch(client: FlaskClient, token: dict[str, str], store: redis.Redis) -> None:
    job = send(client, token, JPEG).headers["Location"]
    stranger = {"Authorization": f"Bearer {Accounts(store).create_key('stranger', account='other')}"}
    for method in ("GET", "DELETE"):
        assert client.open(job, method=method, headers=stranger).status_code == 404
    assert client.get(job, headers=token).get_json()["state"] == "queued"


def test_a_batch_ends_with_its_results(settings: Settings, token: dict[str, str], store: redis.Redis) -> None:
    client = create_app(dataclasses.replace(settings, sync_window=0, result_ttl=1)).test_client()
    job = send(client, token, JPEG).headers["Location"]
    run_worker(store, settings, ScriptedReader(Reading(640, 480)))
    assert client.get(job, headers=token).status_code == 200
    wait_until(lambda: client.get(job, headers=token).status_code == 404, 10, "the batch is gone")
    assert "1 seconds" in client.get(job, headers=token).get_json()["error"]["message"]


def test_a_result_that_ended_before_the_others_is_told(
    client: FlaskClient, token: dict[str, str], store: redis.Redis, settings: Settings
) -> None:
    job = send(client, token, JPEG, JPEG).headers["Location"]
    first = store.lindex("rq:queue:recognise", -1).decode()
    run_worker(store, settings, ScriptedReader(Reading(640, 480, (plate("AB12CDE", "gb"),))))
    # As when its time was over.
    store.delete(f"rq:job:{first}", f"rq:results:{first}")
    body = client.get(job, headers=token).get_json()
    assert [each["code"] for each in body["errors"]] == ["RESULT_GONE"]
    assert len(body["results"]) == 2


def test_a_batch_counts_as_its_pictures(settings: Settings, token: dict[str, str]) -> None:
    client = create_app(dataclasses.replace(settings, sync_window=0, rate_limit="5 per hour")).test_client()
    answer = send(client, token, JPEG, JPEG, JPEG)
    assert answer.status_code == 202
    assert answer.headers["X-RateLimit-Remaining"] == "2"
    answer = send(client, token, JPEG, JPEG, JPEG)
    assert answer.status_code == 429
    assert answer.get_json()["error"]["code"] == "RATE_LIMIT_EXCEEDED"


def test_a_batch_above_the_limit_passes_in_an_empty_window(settings: Settings, token: dict[str, str]) -> None:
    client = create_app(dataclasses.replace(settings, sync_window=0, rate_limit="2 per hour")).test_client()
    assert send(client, token, JPEG, JPEG, JPEG).status_code == 202
    assert send(client, token, JPEG).status_code == 429


def test_a_batch_for_which_the_queue_has_no_room_leaves_nothing_behind(
    settings: Settings, token: dict[str, str], store: redis.Redis
) -> None:
    client = create_app(dataclasses.replace(settings, sync_window=0, queue_limit=2)).test_client()
    answer = send(client, token, JPEG, JPEG, JPEG)
    assert answer.status_code == 503
    assert store.llen("rq:queue:recognise") == 0
    assert not store.keys("blob:*")


def test_a_body_over_all_bounds_is_413(client: FlaskClient, token: dict[str, str]) -> None:
    answer = send(client, token, *[JPEG + bytes(999_000)] * 22)
    assert answer.status_code == 413
    assert answer.get_json()["error"]["code"] == "IMAGE_TOO_LARGE"


def test_fields_that_are_no_form_are_refused(client: FlaskClient, token: dict[str, str]) -> None:
    requests_: list[dict[str, Any]] = [{"data": JPEG, "content_type": "image/jpeg"}, {"json": {"images": ["x"]}}]
    assert [client.post(BATCH, headers=token, **each).status_code for each in requests_] == [415, 400]
