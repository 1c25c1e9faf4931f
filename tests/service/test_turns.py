"""In turns: few requests are worked on at a time, and one that waits, fails or is answered stands in nobody's way."""

from __future__ import annotations

import dataclasses
import io
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import redis
from flask import Flask, g

from platehost.accounts import Accounts
from platehost.jobs import Jobs
from platehost.settings import Settings
from web.app import create_app
from web.turns import MOST, Lane, Turns

JPEG = b"\xff\xd8\xff"
BODY = b'--e\r\nContent-Disposition: form-data; name="upload"; filename="a.jpg"\r\n\r\n' + JPEG + b"\r\n--e--\r\n"
FORM = "multipart/form-data; boundary=e"


def free(turns: Turns) -> dict[Lane, int]:
    """The turns of each lane that nobody has."""
    found = {}
    for lane, places in turns._free.items():
        taken = sum(places.acquire(blocking=False) for _ in range(MOST + 1))
        for _ in range(taken):
            places.release()
        found[lane] = taken
    return found


ALL = dict.fromkeys(Lane, MOST)


class Body(io.BytesIO):
    """A request's body that calls `look` whenever it is read."""

    def __init__(self, content: bytes, look: Callable[[], None]) -> None:
        super().__init__(content)
        self._look = look

    def read(self, *sizes: Any) -> bytes:
        self._look()
        return super().read(*sizes)

    def readinto(self, buffer: Any) -> int:
        self._look()
        return super().readinto(buffer)


@pytest.fixture
def app(settings: Settings) -> Flask:
    return create_app(dataclasses.replace(settings, sync_window=0.01))


@pytest.fixture
def turns(app: Flask) -> Turns:
    found: Turns = app.extensions["platehost"].turns
    return found


@pytest.fixture
def in_request() -> Iterator[None]:
    with Flask(__name__).test_request_context():
        yield


@pytest.mark.usefixtures("in_request")
def test_a_request_has_one_turn_at_a_time() -> None:
    turns = Turns()
    turns.begin(Lane.LOOK)
    assert free(turns) == {Lane.LOOK: MOST - 1, Lane.READ: MOST}
    turns.begin(Lane.READ)
    assert free(turns) == {Lane.LOOK: MOST, Lane.READ: MOST - 1}
    with turns.between():
        assert free(turns) == ALL
    assert free(turns) == {Lane.LOOK: MOST, Lane.READ: MOST - 1}
    turns.end()
    turns.end()
    assert free(turns) == ALL
    with turns.between():
        pass
    assert free(turns) == ALL, "who had none gets none"


def test_the_next_one_waits_for_its_turn() -> None:
    turns, app = Turns(most=1, patience=60), Flask(__name__)
    order: list[str] = []
    waiting = threading.Event()

    def next_one() -> None:
        with app.test_request_context():
            waiting.set()
            turns.begin(Lane.LOOK)
            order.append("next")
            turns.end()

    thread = threading.Thread(target=next_one)
    with app.test_request_context():
        turns.begin(Lane.LOOK)
        thread.start()
        assert waiting.wait(30)
        thread.join(0.2)
        order.append("first")
        turns.end()
    thread.join(30)
    assert order == ["first", "next"]


@pytest.mark.usefixtures("in_request")
def test_nobody_waits_for_long_and_nobody_gets_a_turn_too_much() -> None:
    turns = Turns(most=1, patience=0.01)
    turns.begin(Lane.LOOK)
    mine = g.pop("lane")
    turns.begin(Lane.LOOK)
    assert "lane" not in g, "goes on without one"
    turns.end()
    assert free(turns)[Lane.LOOK] == 0
    g.lane = mine
    turns.end()
    assert free(turns)[Lane.LOOK] == 1


def test_who_waits_for_a_body_or_a_reading_holds_none(
    app: Flask, turns: Turns, store: redis.Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[tuple[str, dict[Lane, int]]] = []
    wait, submit = Jobs.wait, Jobs.submit

    def watched_submit(*arguments: Any, **named: Any) -> str:
        seen.append(("submit", free(turns)))
        return submit(*arguments, **named)

    def watched_wait(*arguments: Any) -> Any:
        seen.append(("wait", free(turns)))
        return wait(*arguments)

    monkeypatch.setattr(Jobs, "submit", watched_submit)
    monkeypatch.setattr(Jobs, "wait", watched_wait)
    headers = {"Authorization": f"Token {Accounts(store).create_key('gate')}", "Content-Length": str(len(BODY))}
    for path in ("/v1/plate-reader/", "/api/v1/recognise", "/v1/vision/alpr"):
        seen.clear()
        body = Body(BODY, lambda: seen.append(("body", free(turns))))
        answer = app.test_client().post(path, input_stream=body, content_type=FORM, headers=headers)
        assert answer.status_code == 202, answer.text
        assert {what for what, _ in seen} == {"body", "submit", "wait"}
        assert all(left == ALL for what, left in seen if what != "submit"), seen
        assert all(left == {Lane.LOOK: MOST, Lane.READ: MOST - 1} for what, left in seen if what == "submit"), seen
    assert free(turns) == ALL


def test_a_batch_holds_none_while_it_is_sent(app: Flask, turns: Turns, store: redis.Redis) -> None:
    seen: list[dict[Lane, int]] = []

    headers = {"Authorization": f"Token {Accounts(store).create_key('gate')}", "Content-Length": str(len(BODY) + 2)}
    body = Body(BODY.replace(b"upload", b"images[]"), lambda: seen.append(free(turns)))
    answer = app.test_client().post("/api/v1/batch", input_stream=body, content_type=FORM, headers=headers)
    assert answer.status_code == 202, answer.text
    assert seen
    assert all(left == ALL for left in seen)


def test_however_a_request_ends_its_turn_is_free(settings: Settings, store: redis.Redis) -> None:
    app = create_app(dataclasses.replace(settings, sync_window=0.01, rate_limit="3 per hour"))
    app.extensions["platehost"].jobs.submit = lambda *_, **__: 1 / 0
    client = app.test_client()
    key = Accounts(store).create_key("gate")

    def send(key: str, form: dict[str, Any]) -> int:
        return client.post("/v1/plate-reader/", data=form, headers={"Authorization": f"Token {key}"}).status_code

    picture = {"upload": (io.BytesIO(JPEG), "a.jpg")}
    assert [send("nosuch", {}), send(key, {}), send(key, picture), send(key, {})] == [403, 400, 500, 400]
    assert [send(key, {}), send(key, {})] == [429, 429]
    assert free(app.extensions["platehost"].turns) == ALL
