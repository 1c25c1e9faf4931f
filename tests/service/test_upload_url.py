"""Pictures by URL: fetched from a real server, and never from where the address guard says no."""

from __future__ import annotations

import dataclasses
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, ClassVar

import pytest
import redis
from flask.testing import FlaskClient

from platehost.outbound import Outbound
from platehost.settings import Settings
from tests.service.support import free_port, wait_until
from web.app import create_app


class Pictures(BaseHTTPRequestHandler):
    """Answers by the path; remembers what was asked for."""

    photo = b""
    asked: ClassVar[list[str]] = []
    ended: ClassVar[list[str]] = []

    def do_GET(self) -> None:
        self.asked.append(self.path)
        if self.path == "/slow.jpg":
            time.sleep(3)
        if self.path == "/kept.jpg":
            # As most servers do: the connection stays open unless the client says otherwise.
            self.close_connection = self.headers.get("Connection") == "close"
            self.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(self.photo), self.photo))
            return
        self.send_response({"/missing.jpg": 404, "/moved.jpg": 302}.get(self.path, 200))
        self.send_header("Location", "/my%20car.jpg")
        self.end_headers()
        self.wfile.write(
            {"/large.jpg": b"\xff\xd8\xff" + bytes(1_500_000), "/text.jpg": b"text"}.get(self.path, self.photo)
        )

    def finish(self) -> None:
        super().finish()
        self.ended.append(self.path)

    def log_message(self, format: str, *args: object) -> None:
        """No lines among the tests' own."""


@pytest.fixture
def pictures(photo: bytes) -> Iterator[str]:
    Pictures.photo, Pictures.asked, Pictures.ended = photo, [], []
    server = ThreadingHTTPServer(("127.0.0.1", 0), Pictures)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    server.server_close()


@pytest.fixture
def allowed(settings: Settings) -> FlaskClient:
    chosen = dataclasses.replace(settings, webhook_allow="127.0.0.0/8", fetch_timeout=1, sync_window=0)
    return create_app(chosen).test_client()


@pytest.mark.parametrize("kind", ["data", "json"])
def test_the_picture_is_fetched(
    allowed: FlaskClient, token: dict[str, str], pictures: str, store: redis.Redis, photo: bytes, kind: str
) -> None:
    answer = allowed.post("/v1/plate-reader/", headers=token, **{kind: {"upload_url": f"{pictures}/my%20car.jpg"}})
    assert answer.status_code == 202
    job_id = answer.get_json()["job_id"]
    assert store.get(f"blob:{job_id}:0") == photo
    assert b"_my_car.jpg" in store.hget(f"rq:job:{job_id}", "meta")


def test_one_client_fetches_all_pictures_of_a_process(
    allowed: FlaskClient, token: dict[str, str], pictures: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each reads all trusted certificates when it is made."""
    made: list[Outbound] = []

    def make(*arguments: Any, **options: Any) -> Outbound:
        made.append(Outbound(*arguments, **options))
        return made[-1]

    monkeypatch.setattr("web.service.Outbound", make)
    for _ in range(4):
        answer = allowed.post("/v1/plate-reader/", headers=token, data={"upload_url": f"{pictures}/kept.jpg"})
        assert answer.status_code == 202
    assert len(made) == 1
    wait_until(lambda: Pictures.ended == ["/kept.jpg"] * 4, 10, "no connection is left open")


def test_a_picture_that_is_sent_comes_first(allowed: FlaskClient, token: dict[str, str], pictures: str) -> None:
    fields = {"upload": "/9j/4AAQ", "upload_url": f"{pictures}/car.jpg"}
    assert allowed.post("/v1/plate-reader/", headers=token, data=fields).status_code == 202
    assert Pictures.asked == []


@pytest.mark.parametrize(
    ("path", "status", "words"),
    [
        ("/missing.jpg", 400, "status 404"),
        ("/moved.jpg", 400, "status 302"),
        ("/slow.jpg", 400, "no answer within 1 s"),
        ("/text.jpg", 400, "valid image"),
        ("/large.jpg", 413, "over 1 MB"),
    ],
)
def test_what_cannot_be_had_is_told(
    allowed: FlaskClient, token: dict[str, str], pictures: str, path: str, status: int, words: str
) -> None:
    answer = allowed.post("/v1/plate-reader/", headers=token, data={"upload_url": pictures + path})
    assert answer.status_code == status
    assert words in answer.text
    if status == 400:
        assert list(answer.get_json()) == ["upload_url"]
    # A redirect could lead from a public server inside.
    assert Pictures.asked == [path]


def test_a_server_that_is_not_there(allowed: FlaskClient, token: dict[str, str]) -> None:
    url = f"http://127.0.0.1:{free_port()}/car.jpg"
    answer = allowed.post("/v1/plate-reader/", headers=token, data={"upload_url": url})
    assert answer.status_code == 400
    assert "refused" in answer.get_json()["upload_url"][0]


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "[::1]", "[::ffff:127.0.0.1]", "0.0.0.0", "2130706433"])  # noqa: S104
def test_this_machine_is_not_asked_unless_it_is_allowed(
    client: FlaskClient, token: dict[str, str], pictures: str, host: str
) -> None:
    url = pictures.replace("127.0.0.1", host) + "/car.jpg"
    answer = client.post("/v1/plate-reader/", headers=token, data={"upload_url": url})
    assert answer.status_code == 400
    assert list(answer.get_json()) == ["upload_url"]
    assert Pictures.asked == []


def test_slow_servers_do_not_take_every_thread(allowed: FlaskClient, token: dict[str, str], pictures: str) -> None:
    slots = allowed.application.extensions["platehost"].fetch_slots
    while slots.acquire(blocking=False):
        pass
    answer = allowed.post("/v1/plate-reader/", headers=token, data={"upload_url": f"{pictures}/car.jpg"})
    assert answer.status_code == 503
    assert answer.headers["Retry-After"] == "1"
