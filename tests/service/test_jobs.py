"""Jobs: 202 with a status URL when the sync window ends first, and what became of a job, for its owner only."""

from __future__ import annotations

import dataclasses
import io
import threading
import time
from datetime import UTC, datetime
from typing import Any

import pytest
import redis
import requests
from flask.testing import FlaskClient
from redis.connection import Connection as SocketConnection

from platehost.accounts import Accounts
from platehost.blobs import RedisBlobs
from platehost.jobs import JobRequest, Jobs
from platehost.options import Options
from platehost.reading import Failure, Reading
from platehost.settings import Settings
from platehost.store import connect, connect_waiting
from platehost.usage import Usage
from tests.service.scripted import ScriptedReader, plate, run_worker
from tests.service.support import Processes, wait_until
from web.app import create_app

JPEG = b"\xff\xd8\xff\xe0 the first bytes of a picture"


@pytest.fixture
def jobs(store: redis.Redis, settings: Settings) -> Jobs:
    return Jobs(store, connect_waiting(settings.redis_url, longest=2), RedisBlobs(store), settings)


def send(client: FlaskClient, path: str, headers: dict[str, str], **fields: str) -> str:
    """The job id of a request that nobody works on."""
    answer = client.post(path, headers=headers, data={"upload": (io.BytesIO(JPEG), "car.jpg"), **fields})
    assert answer.status_code == 202, answer.text
    body = answer.get_json()
    assert body["success"] is True
    assert body["state"] == "queued"
    assert body["progress"] == {"done": 0, "total": 1}
    # A Snapshot client that takes any 2xx for a reading must not read "no plates" here.
    assert "results" not in body
    assert "error" not in body
    assert body["status_url"] == answer.headers["Location"]
    assert body["status_url"].endswith(f"/api/v1/jobs/{body['job_id']}")
    assert answer.headers["Retry-After"] == "1"
    job_id: str = body["job_id"]
    return job_id


def test_a_snapshot_job_is_answered_as_its_face_would_have(
    client: FlaskClient, token: dict[str, str], store: redis.Redis, settings: Settings
) -> None:
    job_id = send(client, "/v1/plate-reader/", token, camera_id="gate", timestamp="2024-10-24T17:29:26Z", mmc="true")
    described = client.get(f"/api/v1/jobs/{job_id}", headers=token)
    assert described.status_code == 200
    assert described.headers["Retry-After"] == "1"
    assert described.get_json()["state"] == "queued"
    assert described.get_json()["results"] == []
    run_worker(store, settings, ScriptedReader(Reading(640, 480, (plate("AB12CDE", "gb"),))))
    described = client.get(f"/api/v1/jobs/{job_id}", headers=token)
    assert "Retry-After" not in described.headers
    body = described.get_json()
    assert body["state"] == "finished"
    assert body["progress"] == {"done": 1, "total": 1}
    assert body["errors"] == []
    (result,) = body["results"]
    assert result["results"][0]["plate"] == "ab12cde"
    assert result["camera_id"] == "gate"
    assert result["timestamp"] == "2024-10-24T17:29:26Z"
    assert result["filename"].endswith("_car.jpg")
    assert "model_make" in result["results"][0]


def test_an_npr_job_is_answered_as_its_face_would_have(
    client: FlaskClient, token: dict[str, str], store: redis.Redis, settings: Settings
) -> None:
    found = send(client, "/api/v1/recognise", token)
    empty = send(client, "/api/v1/recognise", token)
    run_worker(store, settings, ScriptedReader(Reading(640, 480, (plate("AB12CDE", "gb"),)), Reading(640, 480)))
    (result,) = client.get(f"/api/v1/jobs/{found}", headers=token).get_json()["results"]
    assert result["results"][0]["plate"] == "AB12 CDE"
    body = client.get(f"/api/v1/jobs/{empty}", headers=token).get_json()
    assert body["results"][0]["error"]["code"] == "NO_PLATES_FOUND"
    assert body["errors"][0]["code"] == "NO_PLATES_FOUND"


def test_a_failed_picture_is_told_with_its_reason(
    client: FlaskClient, token: dict[str, str], store: redis.Redis, settings: Settings
) -> None:
    job_id = send(client, "/v1/plate-reader/", token)
    run_worker(store, settings, ScriptedReader(Failure("corrupt_image", "The JPEG data is corrupt.")))
    body = client.get(f"/api/v1/jobs/{job_id}", headers=token).get_json()
    assert body["state"] == "failed"
    assert body["results"] == []
    assert body["errors"] == [
        {"image": 0, "status": 400, "code": "INVALID_IMAGE", "message": "The JPEG data is corrupt."}
    ]


def test_only_the_owner_sees_a_job(client: FlaskClient, token: dict[str, str], store: redis.Redis) -> None:
    job_id = send(client, "/v1/plate-reader/", token)
    stranger = {"Authorization": f"Bearer {Accounts(store).create_key('stranger', account='other')}"}
    colleague = {"Authorization": f"Bearer {Accounts(store).create_key('colleague')}"}
    assert client.get(f"/api/v1/jobs/{job_id}", headers=colleague).status_code == 200
    hidden = client.get(f"/api/v1/jobs/{job_id}", headers=stranger)
    missing = client.get("/api/v1/jobs/0123456789abcdef", headers=stranger)
    assert hidden.status_code == missing.status_code == 404
    assert hidden.get_json() == missing.get_json()


@pytest.mark.parametrize("job_id", ["x" * 65, "a:b", "..", "a%2fb", "%00", "é"])
def test_ids_that_are_none_are_404(client: FlaskClient, token: dict[str, str], job_id: str) -> None:
    assert client.get(f"/api/v1/jobs/{job_id}", headers=token).status_code == 404


def test_the_picture_is_dropped_once_read(jobs: Jobs, store: redis.Redis, settings: Settings) -> None:
    job_id = jobs.submit(JPEG, JobRequest("main", "snapshot"))
    assert store.get(f"blob:{job_id}:0") == JPEG
    assert 0 < store.ttl(f"blob:{job_id}:0") <= settings.blob_ttl
    run_worker(store, settings, ScriptedReader(Reading(640, 480)))
    assert store.get(f"blob:{job_id}:0") is None


def test_job_arguments_hold_no_picture(jobs: Jobs, store: redis.Redis) -> None:
    job_id = jobs.submit(JPEG * 10_000, JobRequest("main", "snapshot", Options(regions=("gb",))))
    assert len(store.hget(f"rq:job:{job_id}", "data")) < 1000


def test_waiting_ends_with_the_window_or_the_outcome(jobs: Jobs, store: redis.Redis, settings: Settings) -> None:
    job_id = jobs.submit(JPEG, JobRequest("main", "snapshot"))
    began = time.monotonic()
    assert jobs.wait(job_id, 0.3) is None
    assert time.monotonic() - began >= 0.3
    reading = Reading(640, 480, (plate("AB12CDE", "gb"),), {"detect": 7.5})
    run_worker(store, settings, ScriptedReader(reading))
    assert jobs.wait(job_id, 1) == reading


def test_results_end_after_their_time(store: redis.Redis, settings: Settings, key: str) -> None:
    client = create_app(dataclasses.replace(settings, result_ttl=1, sync_window=0)).test_client()
    headers = {"Authorization": f"Token {key}"}
    job_id = send(client, "/v1/plate-reader/", headers)
    run_worker(store, settings, ScriptedReader(Reading(640, 480)))
    assert client.get(f"/api/v1/jobs/{job_id}", headers=headers).status_code == 200
    wait_until(
        lambda: client.get(f"/api/v1/jobs/{job_id}", headers=headers).status_code == 404, 5, "the result is gone"
    )
    assert "1 seconds" in client.get(f"/api/v1/jobs/{job_id}", headers=headers).get_json()["error"]["message"]


def test_without_a_free_slot_to_wait_the_job_is_accepted_all_the_same(
    settings: Settings, key: str, store: redis.Redis
) -> None:
    app = create_app(dataclasses.replace(settings, sync_window=60))
    slots = app.extensions["platehost"].wait_slots
    while slots.acquire(blocking=False):
        pass
    send(app.test_client(), "/v1/plate-reader/", {"Authorization": f"Token {key}"})


def test_a_client_that_prefers_not_to_wait_is_answered_at_once(settings: Settings, key: str) -> None:
    client = create_app(dataclasses.replace(settings, sync_window=60)).test_client()
    headers = {"Authorization": f"Token {key}", "Prefer": "wait=5, Respond-Async"}
    for path in ("/v1/plate-reader/", "/api/v1/recognise"):
        job_id = send(client, path, headers)
        answer = client.get(f"/api/v1/jobs/{job_id}", headers=headers)
        assert answer.get_json()["state"] == "queued"
    answer = client.post(path, headers=headers, data={"upload": (io.BytesIO(JPEG), "car.jpg")})
    assert answer.headers["Preference-Applied"] == "respond-async"


def test_every_recognition_names_its_job(running: Processes, running_key: str, photo: bytes) -> None:
    headers = {"Authorization": f"Bearer {running_key}"}
    for path in ("/v1/plate-reader/", "/api/v1/recognise"):
        answer = requests.post(running.url + path, headers=headers, files={"upload": photo}, timeout=30)
        job_id = answer.headers["X-Job-Id"]
        described = requests.get(f"{running.url}/api/v1/jobs/{job_id}", headers=headers, timeout=10).json()
        assert described["state"] == "finished"
        assert described["results"] == [{"image": 0, **answer.json()}]


def test_a_job_that_waits_is_cancelled(
    client: FlaskClient, token: dict[str, str], store: redis.Redis, settings: Settings
) -> None:
    cancelled = send(client, "/v1/plate-reader/", token)
    kept = send(client, "/v1/plate-reader/", token)
    answer = client.delete(f"/api/v1/jobs/{cancelled}", headers=token)
    assert answer.status_code == 200
    assert answer.get_json()["state"] == "cancelled"
    assert answer.get_json()["errors"][0]["code"] == "JOB_CANCELLED"
    assert store.get(f"blob:{cancelled}:0") is None
    reader = ScriptedReader(Reading(640, 480))
    run_worker(store, settings, reader)
    assert len(reader.calls) == 1
    assert client.get(f"/api/v1/jobs/{kept}", headers=token).get_json()["state"] == "finished"
    # What is told later is the same, and it ends like every result.
    again = client.delete(f"/api/v1/jobs/{cancelled}", headers=token)
    assert again.get_json() == answer.get_json()
    assert 0 < store.ttl(f"rq:job:{cancelled}") <= settings.result_ttl
    assert Usage(store).calls("main", datetime.now(UTC)) == 1


class BreakingSocket(SocketConnection):
    """Loses the answer to the first command that takes something off the queue, as a connection that breaks does."""

    broken = False

    def send_command(self, *arguments: Any, **options: Any) -> None:
        self.takes = arguments[0] in ("EVALSHA", "LREM")
        super().send_command(*arguments, **options)

    def read_response(self, *arguments: Any, **options: Any) -> Any:
        answer = super().read_response(*arguments, **options)
        if self.takes and not BreakingSocket.broken:
            BreakingSocket.broken = True
            self.disconnect()
            raise redis.ConnectionError("the connection broke")
        return answer


def test_a_connection_that_breaks_while_a_job_is_cancelled_leaves_none_behind(
    jobs: Jobs, store: redis.Redis, settings: Settings
) -> None:
    job_id = jobs.submit(JPEG, JobRequest("main", "snapshot"))
    breaking = connect(settings.redis_url)
    breaking.connection_pool.connection_class = BreakingSocket
    assert Jobs(breaking, breaking, RedisBlobs(store), settings).cancel(job_id)
    assert BreakingSocket.broken
    state = jobs.state(job_id)
    assert state
    assert state.state == "cancelled"
    assert store.xlen(f"rq:results:{job_id}") == 1
    assert store.get(f"blob:{job_id}:0") is None
    for kept in (f"rq:results:{job_id}", f"rq:job:{job_id}"):
        assert 0 < store.ttl(kept) <= settings.result_ttl


def test_a_job_that_ended_is_not_cancelled(
    client: FlaskClient, token: dict[str, str], store: redis.Redis, settings: Settings
) -> None:
    job_id = send(client, "/v1/plate-reader/", token)
    run_worker(store, settings, ScriptedReader(Reading(640, 480)))
    answer = client.delete(f"/api/v1/jobs/{job_id}", headers=token)
    assert answer.get_json()["state"] == "finished"
    assert answer.get_json()["results"]


def test_whoever_waits_for_a_cancelled_job_is_told(settings: Settings, store: redis.Redis, key: str) -> None:
    client = create_app(dataclasses.replace(settings, sync_window=20)).test_client()
    headers = {"Authorization": f"Bearer {key}"}

    def cancel_when_queued() -> None:
        wait_until(lambda: store.llen("rq:queue:recognise"), 10, "the job is queued")
        job_id = store.lindex("rq:queue:recognise", 0).decode()
        assert create_app(settings).test_client().delete(f"/api/v1/jobs/{job_id}", headers=headers).status_code == 200

    thread = threading.Thread(target=cancel_when_queued)
    thread.start()
    answer = client.post("/api/v1/recognise", headers=headers, data={"upload": (io.BytesIO(JPEG), "car.jpg")})
    thread.join()
    assert answer.status_code == 409
    assert answer.get_json()["error"]["code"] == "JOB_CANCELLED"


def test_only_the_owner_cancels_a_job(client: FlaskClient, token: dict[str, str], store: redis.Redis) -> None:
    job_id = send(client, "/v1/plate-reader/", token)
    stranger = {"Authorization": f"Bearer {Accounts(store).create_key('stranger', account='other')}"}
    assert client.delete(f"/api/v1/jobs/{job_id}", headers=stranger).status_code == 404
    assert client.get(f"/api/v1/jobs/{job_id}", headers=token).get_json()["state"] == "queued"
