"""In turns: keys and limits before pictures, few at a time; one that waits, fails or is answered is in nobody's way."""

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
from tests.service.support import wait_until
from web.app import create_app
from web.turns import MOST, Lane, Turns

JPEG = b"\xff\xd8\xff"
BODY = b'--e\r\nContent-Disposition: form-data; name="upload"; filename="a.jpg"\r\n\r\n' + JPEG + b"\r\n--e--\r\n"
FORM = "multipart/form-data; boundary=e"


def free(turns: Turns) -> dict[Lane, int]:
    """The turns of each lane that nobody has."""
    return {lane: MOST[lane] - taken for lane, taken in turns._taken.items()}


ONE = dict.fromkeys(Lane, 1)


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
    assert free(turns) == {**MOST, Lane.LOOK: MOST[Lane.LOOK] - 1}
    turns.begin(Lane.READ)
    assert free(turns) == {**MOST, Lane.READ: MOST[Lane.READ] - 1}
    with turns.between():
        assert free(turns) == MOST
    assert free(turns) == {**MOST, Lane.READ: MOST[Lane.READ] - 1}
    turns.end()
    turns.end()
    assert free(turns) == MOST
    with turns.between():
        pass
    assert free(turns) == MOST, "who had none gets none"


@pytest.mark.parametrize(("first", "second"), [(Lane.LOOK, Lane.LOOK), (Lane.READ, Lane.READ), (Lane.LOOK, Lane.READ)])
def test_the_next_one_waits_for_its_turn(first: Lane, second: Lane) -> None:
    turns, app = Turns(ONE, patience=60), Flask(__name__)
    order: list[str] = []
    waiting = threading.Event()

    def next_one() -> None:
        with app.test_request_context():
            waiting.set()
            turns.begin(second)
            order.append("next")
            turns.end()

    thread = threading.Thread(target=next_one)
    with app.test_request_context():
        turns.begin(first)
        thread.start()
        assert waiting.wait(30)
        thread.join(0.2)
        order.append("first")
        turns.end()
    thread.join(30)
    assert order == ["first", "next"]


def test_those_who_look_go_before_a_picture_that_came_first() -> None:
    turns, app = Turns(ONE, patience=60), Flask(__name__)
    order: list[Lane] = []

    def come(lane: Lane) -> None:
        with app.test_request_context():
            turns.begin(lane)
            order.append(lane)
            turns.end()

    threads = [threading.Thread(target=come, args=(lane,)) for lane in (Lane.READ, Lane.LOOK, Lane.LOOK)]
    with app.test_request_context():
        turns.begin(Lane.LOOK)
        for thread in threads:
            thread.start()
            wait_until(lambda: sum(turns._waiting.values()) == threads.index(thread) + 1, 30, "it waits")  # noqa: B023
        turns.end()
    for thread in threads:
        thread.join(30)
    assert order == [Lane.LOOK, Lane.LOOK, Lane.READ]


def test_a_picture_that_is_worked_on_keeps_nobody_from_looking() -> None:
    turns, app = Turns(ONE, patience=60), Flask(__name__)
    with app.test_request_context():
        turns.begin(Lane.READ)
        reading = g.pop("lane")
        turns.begin(Lane.LOOK)
        assert turns._taken == ONE
        turns.end()
        g.lane = reading
        turns.end()


def test_many_of_both_kinds_all_get_their_turns() -> None:
    turns, app = Turns(patience=60), Flask(__name__)
    most: dict[Lane, int] = dict.fromkeys(Lane, 0)

    def come() -> None:
        for lane in (Lane.LOOK, Lane.READ) * 5:
            with app.test_request_context():
                turns.begin(lane)
                assert g.lane is lane
                most[lane] = max(most[lane], turns._taken[lane])
                with turns.between():
                    pass
                turns.end()

    threads = [threading.Thread(target=come) for _ in range(32)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(50)
    assert not any(thread.is_alive() for thread in threads), "somebody was never called"
    assert free(turns) == MOST
    assert all(0 < most[lane] <= MOST[lane] for lane in Lane), most


@pytest.mark.usefixtures("in_request")
def test_nobody_waits_for_long_and_nobody_gets_a_turn_too_much() -> None:
    turns = Turns(ONE, patience=0.01)
    turns.begin(Lane.LOOK)
    mine = g.pop("lane")
    turns.begin(Lane.LOOK)
    assert "lane" not in g, "goes on without one"
    turns.end()
    assert turns._taken[Lane.LOOK] == 1
    turns.begin(Lane.READ)
    assert "lane" not in g, "nor does a picture wait for long"
    g.lane = mine
    turns.end()
    assert free(turns) == MOST


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
        assert all(left == MOST for what, left in seen if what != "submit"), seen
        reading = {**MOST, Lane.READ: MOST[Lane.READ] - 1}
        assert all(left == reading for what, left in seen if what == "submit"), seen
    assert free(turns) == MOST


def test_a_batch_holds_none_while_it_is_sent(app: Flask, turns: Turns, store: redis.Redis) -> None:
    seen: list[dict[Lane, int]] = []

    headers = {"Authorization": f"Token {Accounts(store).create_key('gate')}", "Content-Length": str(len(BODY) + 2)}
    body = Body(BODY.replace(b"upload", b"images[]"), lambda: seen.append(free(turns)))
    answer = app.test_client().post("/api/v1/batch", input_stream=body, content_type=FORM, headers=headers)
    assert answer.status_code == 202, answer.text
    assert seen
    assert all(left == MOST for left in seen)


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
    assert free(app.extensions["platehost"].turns) == MOST
