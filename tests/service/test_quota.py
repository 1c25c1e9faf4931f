"""A plan's calls of a month: as many as it has, told in each face's words, given back where nothing was read."""

from __future__ import annotations

import dataclasses
import io
import os
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path

import pytest
import redis
import requests
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from platehost.accounts import Accounts
from platehost.blobs import RedisBlobs
from platehost.deliveries import Deliveries
from platehost.jobs import JobRequest, Jobs
from platehost.plans import Plans
from platehost.reading import Failure, Reading
from platehost.settings import Settings
from platehost.store import connect_waiting
from platehost.usage import QuotaUsedUp, Usage, next_month
from tests.service.scripted import ScriptedReader, plate, run_worker
from tests.service.support import Processes, RedisServer, wait_until
from web.app import create_app
from webhooks.reaper import Reaper

JPEG = b"\xff\xd8\xff"
NOW = datetime(2026, 11, 22, tzinfo=UTC)


@pytest.fixture
def settings(settings: Settings) -> Settings:
    return dataclasses.replace(settings, sync_window=0)


@pytest.fixture
def jobs(store: redis.Redis, settings: Settings) -> Jobs:
    return Jobs(store, connect_waiting(settings.redis_url, longest=2), RedisBlobs(store), settings)


def give_plan(store: redis.Redis, calls: int, *, mmc: bool = True) -> None:
    Plans(store).add("small", calls=calls, mmc=mmc)
    Accounts(store).change("main", plan="small")


def send(client: FlaskClient, key: str, path: str = "/v1/plate-reader/", pictures: int = 1) -> TestResponse:
    name = "images[]" if path.endswith("batch") else "upload"
    parts = [(io.BytesIO(JPEG), f"{number}.jpg") for number in range(pictures)]
    headers = {"Authorization": f"Token {key}"} if key else {}
    return client.post(path, headers=headers, data={name: parts if pictures > 1 else parts[0]})


def used(store: redis.Redis) -> int:
    return Usage(store).calls("main", datetime.now(UTC))


def reserved(store: redis.Redis) -> int:
    return store.zcard("platehost:reserved:main")


def test_of_two_for_the_last_call_one_gets_it(store: redis.Redis) -> None:
    usage = Usage(store)
    for number in range(9):
        usage.count("main", f"before{number}", NOW)
    with ThreadPoolExecutor(16) as threads:
        got = list(threads.map(lambda n: usage.reserve("main", [f"job{n}"], 50, NOW, 3600), range(200)))
    assert got.count(True) == 41
    assert not usage.reserve("main", ["late"], 50, NOW, 3600)
    for number, each in enumerate(got):
        if each:
            usage.count("main", f"job{number}", NOW)
    assert usage.calls("main", NOW) == 50
    assert reserved(store) == 0
    assert usage.quota("main", 50, NOW).left == 0
    assert usage.reserve("main", ["next"], 50, next_month(NOW), 3600), "a new month has new calls"


def test_a_call_is_given_back_once_and_a_counted_one_never(store: redis.Redis) -> None:
    usage = Usage(store)
    assert usage.reserve("main", ["a", "b"], 2, NOW, 3600)
    assert not usage.reserve("main", ["c"], 2, NOW, 3600)
    for _ in range(2):
        usage.give_back("main", ["a"])
    assert usage.reserve("main", ["c"], 2, NOW, 3600)
    assert not usage.reserve("main", ["d"], 2, NOW, 3600)
    usage.count("main", "b", NOW)
    usage.give_back("main", ["b"])
    assert not usage.reserve("main", ["d"], 2, NOW, 3600)


def test_a_call_that_nobody_gave_back_ends_by_itself(store: redis.Redis) -> None:
    usage = Usage(store)
    assert usage.reserve("main", ["lost"], 1, NOW, 3600)
    assert not usage.reserve("main", ["next"], 1, NOW, 3600)
    assert usage.reserve("main", ["next"], 1, NOW, lifetime=0)


def test_days_and_months_are_told_with_their_zeros(store: redis.Redis) -> None:
    usage = Usage(store)
    for job, day in (("a", 22), ("b", 22), ("c", 20)):
        usage.count("main", job, NOW.replace(day=day))
    usage.count("main", "d", datetime(2026, 9, 30, 23, 59, tzinfo=UTC))
    days = usage.days("main", NOW, 60)
    assert len(days) == 60
    assert [(f"{day:%m-%d}", calls) for day, calls in days[-3:]] == [("11-20", 1), ("11-21", 0), ("11-22", 2)]
    assert sum(calls for _, calls in days) == 4
    assert usage.months("main", NOW, 3) == [("2026-09", 1), ("2026-10", 0), ("2026-11", 3)]
    assert store.ttl("platehost:usage:main:2026-11-22") > 60 * 86400
    assert store.ttl("platehost:usage:main:2026-11") == -1


@pytest.mark.parametrize("path", ["/v1/plate-reader/", "/v1/vision/alpr", "/api/v1/recognise", "/api/v1/batch"])
def test_a_used_up_quota_is_told_in_the_words_of_the_face(
    client: FlaskClient, key: str, store: redis.Redis, path: str
) -> None:
    give_plan(store, 2)
    for _ in range(2):
        assert send(client, key, path).status_code == 202
    refused = send(client, key, path)
    resets = next_month(datetime.now(UTC))
    anew = f"{resets:%Y-%m-%dT%H:%M:%SZ}"
    message = f"Not enough credits: the plan's 2 calls of this month are all used. New ones come on {anew}."
    body = refused.get_json()
    if path.startswith("/api/v1"):
        assert refused.status_code == 429
        assert body == {"success": False, "error": {"code": "RATE_LIMIT_EXCEEDED", "message": message}}
        assert abs(int(refused.headers["Retry-After"]) - (resets.timestamp() - time.time())) < 60
    else:
        assert refused.status_code == 403
        plain = {"detail": message, "status_code": 403}
        assert body == ({"success": False, "error": message, "code": 403} if "vision" in path else plain)
    assert "X-RateLimit-Remaining" in refused.headers
    assert client.get("/v1/statistics/", headers={"Authorization": f"Token {key}"}).status_code == 200


def test_the_sdks_clients_have_the_plan_of_their_account(settings: Settings, store: redis.Redis) -> None:
    give_plan(store, 2)
    client = create_app(settings, "sdk").test_client()
    assert client.get("/info/").get_json()["total_calls"] == 2
    assert [send(client, "").status_code for _ in range(3)] == [202, 202, 403]
    run_worker(store, settings, ScriptedReader(Reading(640, 480)))
    assert client.get("/info/").get_json()["usage"] == {"calls": 2}


def test_sdk_answers_tell_what_the_plan_has(settings: Settings, store: redis.Redis) -> None:
    give_plan(store, 7)
    client = create_app(settings, "sdk").test_client()
    job_id = send(client, "").get_json()["job_id"]
    run_worker(store, settings, ScriptedReader(Reading(640, 480)))
    (result,) = client.get(f"/api/v1/jobs/{job_id}").get_json()["results"]
    assert result["usage"] == {"calls": 1, "max_calls": 7}


def test_statistics_tell_the_plans_calls(client: FlaskClient, token: dict[str, str], store: redis.Redis) -> None:
    give_plan(store, 2500)
    Usage(store).count("main", "job", datetime.now(UTC))
    body = client.get("/v1/statistics/", headers=token).get_json()
    assert (body["total_calls"], body["usage"]["calls"]) == (2500, 1)
    assert body["usage"]["resets_on"] == next_month(datetime.now(UTC)).strftime("%Y-%m-%dT%H:%M:%SZ")


def test_requests_race_for_the_last_call(app: Flask, key: str, store: redis.Redis) -> None:
    give_plan(store, 5)
    with ThreadPoolExecutor(12) as threads:
        statuses = list(threads.map(lambda _: send(app.test_client(), key).status_code, range(24)))
    assert sorted(statuses) == [202] * 5 + [403] * 19


def test_a_batch_is_taken_whole_or_not_at_all(
    client: FlaskClient, key: str, store: redis.Redis, settings: Settings
) -> None:
    give_plan(store, 5)
    assert send(client, key, "/api/v1/batch", 3).status_code == 202
    refused = send(client, key, "/api/v1/batch", 3)
    assert refused.status_code == 429
    assert reserved(store) == 3
    run_worker(store, settings, ScriptedReader(Reading(640, 480)))
    assert (
        "used but for 2, too few for this batch" in send(client, key, "/api/v1/batch", 3).get_json()["error"]["message"]
    )
    assert send(client, key, "/api/v1/batch", 2).status_code == 202
    run_worker(store, settings, ScriptedReader(Reading(640, 480)))
    assert (used(store), reserved(store)) == (5, 0)


def test_pictures_of_a_batch_that_are_refused_cost_nothing(client: FlaskClient, key: str, store: redis.Redis) -> None:
    give_plan(store, 3)
    parts = [(io.BytesIO(JPEG), "a.jpg"), (io.BytesIO(b"text"), "b.jpg"), (io.BytesIO(b""), "c.jpg")]
    headers = {"Authorization": f"Token {key}"}
    assert client.post("/api/v1/batch", headers=headers, data={"images[]": parts}).status_code == 202
    assert reserved(store) == 1


def test_a_full_queue_costs_nothing(settings: Settings, key: str, store: redis.Redis) -> None:
    give_plan(store, 30)
    small = dataclasses.replace(settings, queue_limit=2)
    assert send(create_app(small).test_client(), key, "/api/v1/batch", 4).status_code == 503
    assert (reserved(store), store.llen("rq:queue:recognise")) == (0, 0)
    client = create_app(small).test_client()
    for status in (202, 202, 503):
        assert send(client, key).status_code == status
    assert reserved(store) == 2


def test_what_has_no_reading_gives_its_call_back(jobs: Jobs, store: redis.Redis, settings: Settings) -> None:
    request = JobRequest("main", "snapshot")
    for answer, cost in (
        (Failure("corrupt_image", "The picture is broken."), 0),
        (RuntimeError("the core failed"), 0),
        (Reading(640, 480), 1),
    ):
        jobs.submit(JPEG, request, calls=1)
        with pytest.raises(QuotaUsedUp):
            jobs.submit(JPEG, request, calls=1)
        run_worker(store, dataclasses.replace(settings, job_retries=0), ScriptedReader(answer))
        if isinstance(answer, RuntimeError):
            # Its further runs, if it has any, keep the call.
            run_worker(store, settings, ScriptedReader(answer))
        assert (used(store), reserved(store)) == (cost, 0)
    with pytest.raises(QuotaUsedUp):
        jobs.submit(JPEG, request, calls=1)


def test_a_cancelled_job_gives_its_call_back(jobs: Jobs, store: redis.Redis) -> None:
    job_id = jobs.submit(JPEG, JobRequest("main", "snapshot"), calls=1)
    assert reserved(store) == 1
    assert jobs.cancel(job_id)
    assert (used(store), reserved(store)) == (0, 0)


def test_the_reaper_gives_back_what_a_dead_worker_did_not(jobs: Jobs, store: redis.Redis, settings: Settings) -> None:
    reaper = Reaper(store, RedisBlobs(store), Deliveries(store, settings))
    waiting = jobs.submit(JPEG, JobRequest("main", "snapshot"), calls=9)
    failed = jobs.submit(JPEG, JobRequest("main", "snapshot"), calls=9)
    store.hset(f"rq:job:{failed}", "status", "failed")
    (never_queued,) = jobs.admit("main", 1, 9)
    reaper.sweep()
    kept = {member.decode() for member in store.zrange("platehost:reserved:main", 0, -1)}
    assert kept == {waiting, never_queued}
    store.zincrby("platehost:reserved:main", -61, never_queued)
    reaper.sweep()
    assert [member.decode() for member in store.zrange("platehost:reserved:main", 0, -1)] == [waiting]
    jobs.cancel(waiting)
    reaper.sweep()
    assert not store.exists("platehost:reserving")


def test_mmc_is_answered_where_the_plan_has_it(settings: Settings, key: str, store: redis.Redis) -> None:
    client = create_app(settings).test_client()
    headers = {"Authorization": f"Token {key}"}
    give_plan(store, 100, mmc=False)
    for included in (False, True):
        Plans(store).change("small", mmc=included)
        fields = {"mmc": "true", "direction": "true", "upload": (io.BytesIO(JPEG), "a.jpg")}
        job_id = client.post("/v1/plate-reader/", headers=headers, data=fields).get_json()["job_id"]
        run_worker(store, settings, ScriptedReader(Reading(640, 480, (plate("AB12CDE"),))))
        (answer,) = client.get(f"/api/v1/jobs/{job_id}", headers=headers).get_json()["results"]
        (result,) = answer["results"]
        for name in ("model_make", "color", "orientation", "direction", "direction_score"):
            assert (name in result) is included


@pytest.mark.parametrize("path", ["/api/v1/recognise", "/api/v1/batch"])
def test_npr_asks_for_the_vehicle_where_the_plan_includes_mmc(
    settings: Settings, key: str, store: redis.Redis, path: str
) -> None:
    client = create_app(settings).test_client()
    give_plan(store, 100)
    for included in (False, True):
        Plans(store).change("small", mmc=included)
        assert send(client, key, path).status_code == 202
        reader = ScriptedReader(Reading(640, 480))
        run_worker(store, settings, reader)
        assert [each.mmc for each in reader.options] == [included]


def test_workers_that_die_neither_lose_nor_double_a_call(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """SIGKILL in the midst of batches: in the end every call of the plan is one reading."""
    calls = 40
    monkeypatch.setitem(os.environ, "SCRIPTED_MS", "60")
    server = RedisServer(tmp_path)
    server.start()
    store = server.client()
    own = Processes(tmp_path, server, {"PLATEHOST_SYNC_WINDOW": "0", "PLATEHOST_LEASE": "3"})
    accounts = Accounts(store)
    Plans(store).add("small", calls=calls)
    accounts.add("north", plan="small")
    headers = {"Authorization": f"Token {accounts.create_key('gate', 'north')}"}
    taken: list[str] = []

    def ask(_: int) -> int:
        answer = requests.post(f"{own.url}/v1/plate-reader/", headers=headers, files={"upload": JPEG}, timeout=60)
        if answer.status_code == 202:
            taken.append(answer.json()["job_id"])
        return answer.status_code

    def states() -> list[str]:
        urls = (f"{own.url}/api/v1/jobs/{job_id}" for job_id in taken)
        return [str(requests.get(url, headers=headers, timeout=60).json()["state"]) for url in urls]

    try:
        own.start("web")
        own.start("webhooks")
        own.start("tests.service.scripted_worker", "worker")
        own.wait_ready()
        with ThreadPoolExecutor(8) as threads:
            sent = threads.map(ask, range(60))
            for _ in range(3):
                wait_until(lambda: store.zcard("rq:wip:recognise"), 60, "a batch is being read")
                own.kill("worker")
                own.start("tests.service.scripted_worker", "worker")
            statuses = list(sent)
        # A job that died with its worker too often gives its call back: somebody else takes it.
        for _ in range(20):
            wait_until(lambda: set(states()) <= {"finished", "failed"}, 120, "all jobs ended")
            wait_until(lambda: store.zcard("platehost:reserved:north") == 0, 30, "no call is reserved")
            if states().count("finished") == calls:
                break
            statuses += [ask(0)]
        assert set(statuses) == {202, 403}
        assert states().count("finished") == calls
        assert Usage(store).calls("north", datetime.now(UTC)) == calls
        assert ask(0) == 403
    finally:
        own.stop_all()
        server.stop()
