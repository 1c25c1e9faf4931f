"""Limits per key by plan, the headers that tell them, and what a slow or lost store of limits costs."""

from __future__ import annotations

import dataclasses
import http.client
import io
import math
import signal
import socket
import subprocess
import time
from datetime import UTC, datetime
from pathlib import Path

import pytest
import redis
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from platehost.accounts import Access, Account, Accounts
from platehost.keys import Key
from platehost.plans import Plan, Plans
from platehost.settings import Settings
from tests.service.support import Processes, RedisServer, wait_until
from web.app import create_app
from web.closed_windows import ClosedWindows
from web.windows import Window, Windows

JPEG = b"\xff\xd8\xff"
HEADERS = ("X-RateLimit-Limit", "X-RateLimit-Remaining", "X-RateLimit-Reset")


def send(client: FlaskClient, key: str, path: str = "/api/v1/recognise") -> TestResponse:
    return client.post(path, headers={"Authorization": f"Bearer {key}"}, data={"upload": (io.BytesIO(JPEG), "a.jpg")})


def test_each_key_has_a_limit_of_its_own(settings: Settings, store: redis.Redis) -> None:
    client = create_app(dataclasses.replace(settings, rate_limit="1 per hour", sync_window=0)).test_client()
    for name in ("first", "second"):
        key = Accounts(store).create_key(name)
        assert [send(client, key).status_code for _ in range(2)] == [202, 429]


def test_the_plan_of_the_account_gives_the_rate(
    settings: Settings, store: redis.Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("web.closed_windows.SECONDS", 0)
    client = create_app(dataclasses.replace(settings, rate_limit="1 per hour", sync_window=0)).test_client()
    accounts, plans = Accounts(store), Plans(store)
    plans.add("three", rate="3 per day")
    accounts.add("north", plan="three")
    key = accounts.create_key("gate", "north")
    answers = [send(client, key) for _ in range(4)]
    assert [each.status_code for each in answers] == [202, 202, 202, 429]
    assert [each.headers["X-RateLimit-Limit"] for each in answers] == ["3"] * 4
    assert [each.headers["X-RateLimit-Remaining"] for each in answers] == ["2", "1", "0", "0"]
    plans.change("three", rate="5 per day")
    assert send(client, key).headers["X-RateLimit-Remaining"] == "4", "a new rate counts anew"
    plans.change("three", rate=None)
    assert [send(client, key).status_code for _ in range(2)] == [202, 429], "the operator's own rate"


def test_a_refusal_tells_when_to_come_back(settings: Settings, store: redis.Redis) -> None:
    client = create_app(dataclasses.replace(settings, rate_limit="1 per hour", sync_window=0)).test_client()
    key = Accounts(store).create_key("gate")
    assert send(client, key, "/v1/plate-reader/").status_code == 202
    for path in ("/v1/plate-reader/", "/api/v1/recognise", "/v1/vision/alpr"):
        refused = send(client, key, path)
        assert refused.status_code == 429
        seconds = int(refused.headers["Retry-After"])
        assert 3500 < seconds <= 3600
        assert abs(int(refused.headers["X-RateLimit-Reset"]) - time.time() - seconds) < 5
        assert refused.headers["X-RateLimit-Remaining"] == "0"
        if path == "/v1/plate-reader/":
            message = f"Request was throttled. Expected available in {seconds} seconds."
            assert refused.get_json() == {"detail": message, "status_code": 429}
        if path == "/api/v1/recognise":
            assert refused.get_json()["error"]["code"] == "RATE_LIMIT_EXCEEDED"


@pytest.mark.parametrize("with_key", [True, False])
@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/v1/plate-reader/"),
        ("GET", "/v1/plate-reader/"),
        ("OPTIONS", "/v1/plate-reader/"),
        ("GET", "/v1/statistics/"),
        ("GET", "/v1/nosuch"),
        ("POST", "/v1/vision/alpr"),
        ("POST", "/api/v1/recognise"),
        ("POST", "/api/v1/batch"),
        ("DELETE", "/api/v1/batch"),
        ("GET", "/api/v1/jobs/x"),
        ("GET", "/api/v1/nosuch"),
        ("GET", "/api/v1/webhooks"),
    ],
)
def test_every_answer_has_the_headers(
    client: FlaskClient, token: dict[str, str], method: str, path: str, with_key: bool
) -> None:
    before = math.floor(time.time())
    answer = client.open(path, method=method, headers=token if with_key else {})
    for name in HEADERS:
        assert int(answer.headers[name]) >= 0, (answer.status_code, name)
    assert answer.headers["X-RateLimit-Limit"] == "100000"
    assert int(answer.headers["X-RateLimit-Reset"]) >= before


def test_an_unforeseen_error_has_the_headers(client: FlaskClient, key: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("platehost.jobs.Jobs.submit", lambda *_, **__: 1 / 0)
    for path in ("/v1/plate-reader/", "/api/v1/recognise"):
        answer = send(client, key, path)
        assert answer.status_code == 500
        assert set(HEADERS) <= set(answer.headers.keys())


def test_a_key_that_is_known_to_be_refused_is_not_looked_up_for_a_second(
    settings: Settings, store: redis.Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = create_app(dataclasses.replace(settings, rate_limit="1 per hour", sync_window=0))
    client = app.test_client()
    key = Accounts(store).create_key("gate")
    assert [send(client, key).status_code for _ in range(2)] == [202, 429]
    Accounts(store).revoke_key(Accounts(store).list_keys()[0].id)
    counters = {each: store.get(each) for each in store.keys("LIMITS:*")}
    assert list(counters.values()) == [b"1"], "nor for the first refusal: the last one to pass told"
    refused = send(client, key)
    assert refused.status_code == 429
    assert refused.headers["X-RateLimit-Remaining"] == "0"
    assert int(refused.headers["Retry-After"]) > 3500
    assert {each: store.get(each) for each in counters} == counters, "the store was not asked"
    assert client.get("/api/v1/jobs/x", headers={"Authorization": f"Bearer {key}"}).status_code == 401
    moment = time.time()
    monkeypatch.setattr("web.closed_windows.time.time", lambda: moment + 1)
    assert send(client, key).status_code == 401


def test_only_so_many_refused_keys_are_remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("web.closed_windows.MOST", 2)
    closed = ClosedWindows()
    key = Key("k1", "main", "gate", created=datetime.now(UTC))
    for number in range(3):
        closed.close(f"Token {number}", key, None, Window(1, time.time() + 60))
    assert [bool(closed.find(f"Token {number}")) for number in range(3)] == [True, True, False]
    moment = time.time()
    monkeypatch.setattr("web.closed_windows.time.time", lambda: moment + 2)
    closed.close("Token 3", key, None, Window(1, moment + 60))
    assert [bool(closed.find(f"Token {number}")) for number in (0, 3)] == [False, True]


def test_looking_does_not_count(settings: Settings, store: redis.Redis) -> None:
    client = create_app(dataclasses.replace(settings, rate_limit="2 per hour", sync_window=0)).test_client()
    key = Accounts(store).create_key("gate")
    send(client, key)
    for _ in range(3):
        answer = client.get("/v1/statistics/", headers={"Authorization": f"Token {key}"})
        assert answer.headers["X-RateLimit-Remaining"] == "1"
    assert send(client, key).status_code == 202


def test_the_sdks_port_speaks_of_no_limit(settings: Settings, store: redis.Redis) -> None:
    client = create_app(dataclasses.replace(settings, rate_limit="1 per hour", sync_window=0), "sdk").test_client()
    for _ in range(2):
        answer = client.post("/v1/plate-reader/", data={"upload": (io.BytesIO(JPEG), "a.jpg")})
        assert answer.status_code == 202
        assert not set(HEADERS) & set(answer.headers.keys())
    key = Accounts(store).create_key("npr")
    assert [send(client, key).status_code for _ in range(2)] == [202, 429]


def test_probes_are_never_limited(settings: Settings) -> None:
    client = create_app(dataclasses.replace(settings, rate_limit="1 per hour")).test_client()
    assert [client.get("/healthz").status_code for _ in range(3)] == [200, 200, 200]


def test_a_rate_that_cannot_be_read_is_told_at_the_start(settings: Settings) -> None:
    with pytest.raises(ValueError, match="PLATEHOST_RATE_LIMIT"):
        create_app(dataclasses.replace(settings, rate_limit="often"))


def test_a_frozen_store_of_limits_is_counted_around(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Only the limiter's own part: everything else of a request needs the store, too."""
    server = RedisServer(tmp_path)
    server.start()
    process = server._process
    assert isinstance(process, subprocess.Popen)
    access = Access(
        Key("k1", "main", "gate", created=datetime.now(UTC)), Account("main", "main"), Plan("p", rate="3 per day")
    )
    monkeypatch.setattr(Accounts, "find_access", lambda *_: access)
    try:
        app = create_app(Settings(redis_url=server.url))
        client = app.test_client()
        headers = {"Authorization": "Token x"}
        process.send_signal(signal.SIGSTOP)
        # A picture is missing, which is told before anything else is asked of the store.
        answers = [client.post("/api/v1/recognise", headers=headers) for _ in range(4)]
        assert [each.status_code for each in answers] == [400, 400, 400, 429]
        assert [each.headers["X-RateLimit-Remaining"] for each in answers] == ["2", "1", "0", "0"]
        assert not isinstance(app.extensions["platehost_limiter"].limiter.storage, Windows)
    finally:
        process.send_signal(signal.SIGCONT)
        server.stop()


def test_a_lost_store_of_limits_is_counted_around(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    access = Access(
        Key("k1", "main", "gate", created=datetime.now(UTC)), Account("main", "main"), Plan("p", rate="1 per day")
    )
    monkeypatch.setattr(Accounts, "find_access", lambda *_: access)
    client = create_app(Settings(redis_url="redis://127.0.0.1:1/0")).test_client()
    answers = [client.post("/v1/plate-reader/", headers={"Authorization": "Token x"}) for _ in range(2)]
    assert [each.status_code for each in answers] == [400, 429]


def test_a_refused_upload_is_answered_on_a_connection_that_stays(tmp_path: Path) -> None:
    """A server that answers without taking the picture closes the connection under a client that still sends it."""
    server = RedisServer(tmp_path)
    server.start()
    own = Processes(tmp_path, server, {"PLATEHOST_RATE_LIMIT": "1 per hour", "PLATEHOST_SYNC_WINDOW": "0"})
    key = Accounts(server.client()).create_key("gate")
    part = b'--edge\r\nContent-Disposition: form-data; name="upload"; filename="a.jpg"\r\n\r\n'
    body = part + JPEG + bytes(2_000_000) + b"\r\n--edge--\r\n"
    headers = {"Authorization": f"Token {key}", "Content-Type": "multipart/form-data; boundary=edge"}
    try:
        own.start("web")
        wait_until(lambda: answers(own.port), 60, "web answers")
        connection = http.client.HTTPConnection("127.0.0.1", own.port, timeout=60)
        connection.connect()
        first = connection.sock
        statuses = []
        for _ in range(4):
            connection.request("POST", "/v1/plate-reader/", body, headers)
            answer = connection.getresponse()
            answer.read()
            statuses.append(answer.status)
            assert connection.sock is first, "the connection was given up"
        assert statuses == [202, 429, 429, 429]
    finally:
        own.stop_all()
        server.stop()


def answers(port: int) -> bool:
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=1):
            return True
    except OSError:
        return False
