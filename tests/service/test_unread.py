"""Refused uploads over real HTTP: whoever sends all of one sees why it was refused, on a connection that stays."""

from __future__ import annotations

import http.client
import socket
from collections.abc import Iterator

import pytest
import requests

from platehost.accounts import Accounts
from tests.service.support import Processes, RedisServer, wait_until

# More than the buffers of a connection hold.
LARGE = b"x" * 12_000_000
THREADS = 24


@pytest.fixture(scope="module")
def web(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Processes]:
    folder = tmp_path_factory.mktemp("unread")
    server = RedisServer(folder)
    server.start()
    processes = Processes(folder, server, {"PLATEHOST_WEB_THREADS": str(THREADS)})
    processes.start("web")
    wait_until(lambda: answers(processes), 120, "web answers")
    yield processes
    processes.stop_all()
    server.stop()


@pytest.mark.parametrize(
    ("path", "headers", "status"),
    [
        ("/v1/plate-reader/", {}, 403),
        ("/v1/plate-reader/", {"Authorization": "Token nosuch"}, 403),
        ("/api/v1/recognise", {"Authorization": "Bearer nosuch"}, 401),
        ("/v1/nosuch/", {}, 404),
        ("/v1/statistics/", {"Authorization": "KEY"}, 405),
    ],
)
@pytest.mark.parametrize("chunked", [False, True], ids=["whole", "chunked"])
def test_the_answer_is_seen(web: Processes, path: str, headers: dict[str, str], status: int, chunked: bool) -> None:
    if headers.get("Authorization") == "KEY":
        headers = {**headers, "Authorization": f"Token {Accounts(web.server.client()).create_key('gate')}"}
    connection = http.client.HTTPConnection("127.0.0.1", web.port, timeout=60)
    connection.connect()
    kept = connection.sock
    for _ in range(2):
        pieces = (LARGE[start : start + 1_000_000] for start in range(0, len(LARGE), 1_000_000))
        connection.request("POST", path, pieces if chunked else LARGE, headers, encode_chunked=chunked)
        answer = connection.getresponse()
        assert answer.status == status
        assert answer.read()
    assert connection.sock is kept
    connection.close()


def test_a_picture_over_the_limit_is_told_so(web: Processes) -> None:
    headers = {"Authorization": f"Token {Accounts(web.server.client()).create_key('gate')}"}
    for path in ("/v1/plate-reader/", "/api/v1/recognise"):
        files = {"upload": ("a.jpg", b"\xff\xd8\xff" + LARGE * 2)}
        answer = requests.post(f"{web.url}{path}", files=files, headers=headers, timeout=60)
        assert answer.status_code == 413
        assert "10 MB" in answer.text


def test_who_waits_for_leave_is_spared_the_way(web: Processes) -> None:
    with socket.create_connection(("127.0.0.1", web.port), timeout=60) as client:
        client.sendall(head(expect=True))
        answer = client.recv(65536)
        assert answer.startswith(b"HTTP/1.1 403"), answer


def test_strangers_that_send_slowly_leave_threads_for_others(web: Processes) -> None:
    strangers = [socket.create_connection(("127.0.0.1", web.port), timeout=60) for _ in range(THREADS + 6)]
    try:
        for each in strangers:
            each.sendall(head() + b"x" * 1000)
        assert requests.get(f"{web.url}/healthz", timeout=30).status_code == 200
        # Nobody answers one that is read from until it has sent all; those that are not are answered at once.
        answered = 0
        for each in strangers:
            each.settimeout(1)
            try:
                answered += each.recv(65536).startswith(b"HTTP/1.1 403")
            except TimeoutError:
                continue
        assert THREADS < answered < len(strangers), answered
    finally:
        for each in strangers:
            each.close()


def answers(web: Processes) -> bool:
    try:
        return requests.get(f"{web.url}/healthz", timeout=5).status_code == 200
    except requests.RequestException:
        return False


def head(*, expect: bool = False) -> bytes:
    leave = "Expect: 100-continue\r\n" if expect else ""
    return f"POST /v1/plate-reader/ HTTP/1.1\r\nHost: a\r\n{leave}Content-Length: 5000000\r\n\r\n".encode()
