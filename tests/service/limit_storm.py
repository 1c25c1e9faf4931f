"""Many clients of one key at once, each on a connection of its own that stays open, and what each answer was.

A client in one process of its own, without threads: what is measured should be the service.
"""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import redis

_END = "the storm is over"
_PAUSE = 0.002


@dataclass(frozen=True)
class Storm:
    """`per_second` requests are sent in all; 0 means that each client sends its next as soon as it is answered."""

    port: int
    key: str
    picture: bytes
    clients: int = 64
    requests: int = 2000
    per_second: float = 0.0
    path: str = "/v1/plate-reader/"


@dataclass(frozen=True)
class Answer:
    """`seconds` from the first byte sent to the last one read."""

    status: int
    headers: Mapping[str, str]
    seconds: float


def run(storm: Storm, late: list[float] | None = None) -> Sequence[Answer]:
    """Sends all requests; gives the answers in the order in which they came.

    `late` takes, of each of many short pauses, the seconds that it was too long: the client's own share in a time.
    """
    return asyncio.run(_run(storm, [] if late is None else late))


async def _run(storm: Storm, late: list[float]) -> Sequence[Answer]:
    answers: list[Answer] = []
    numbers = iter(range(storm.requests))
    request = _request(storm)
    began = time.perf_counter()

    async def client() -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", storm.port)
        for number in numbers:
            if storm.per_second:
                await asyncio.sleep(max(0.0, began + number / storm.per_second - time.perf_counter()))
            sent = time.perf_counter()
            writer.write(request)
            await writer.drain()
            status, headers = _head(await reader.readuntil(b"\r\n\r\n"))
            await reader.readexactly(int(headers["content-length"]))
            answers.append(Answer(status, headers, time.perf_counter() - sent))
            if headers.get("connection") == "close":
                writer.close()
                reader, writer = await asyncio.open_connection("127.0.0.1", storm.port)
        writer.close()

    watch = asyncio.create_task(_watch(late))
    await asyncio.gather(*(client() for _ in range(storm.clients)))
    watch.cancel()
    return answers


async def _watch(late: list[float]) -> None:
    while True:
        began = time.perf_counter()
        await asyncio.sleep(_PAUSE)
        late.append(time.perf_counter() - began - _PAUSE)


def _request(storm: Storm) -> bytes:
    part = b'--edge\r\nContent-Disposition: form-data; name="upload"; filename="a.jpg"\r\n\r\n'
    body = part + storm.picture + b"\r\n--edge--\r\n"
    lines = (
        f"POST {storm.path} HTTP/1.1",
        "Host: 127.0.0.1",
        f"Authorization: Token {storm.key}",
        "Content-Type: multipart/form-data; boundary=edge",
        f"Content-Length: {len(body)}",
    )
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


def _head(text: bytes) -> tuple[int, Mapping[str, str]]:
    first, *lines = text.decode().strip().split("\r\n")
    pairs = (line.partition(":") for line in lines)
    return int(first.split()[1]), {name.lower(): value.strip() for name, _, value in pairs}


class Windows:
    """The limiter's windows as Redis saw them: when each began, by Redis's clock, and how many requests it counted."""

    def __init__(self, url: str) -> None:
        self.began: list[float] = []
        self.counted: list[int] = []
        # Nothing to see for a while is no fault.
        self._store = redis.Redis.from_url(url, socket_timeout=None)
        self._ready = threading.Event()
        self._thread = threading.Thread(target=self._listen, daemon=True)

    def __enter__(self) -> Windows:
        self._thread.start()
        assert self._ready.wait(30)
        return self

    def __exit__(self, *error: object) -> None:
        self._store.echo(_END)
        self._thread.join(30)

    def _listen(self) -> None:
        with self._store.monitor() as monitor:  # type: ignore[no-untyped-call]
            self._ready.set()
            for seen in monitor.listen():
                words = seen["command"].split(" ")
                if _END in seen["command"]:
                    return
                if len(words) < 2 or "LIMITS:" not in words[1]:
                    continue
                # A counter that gets an end has just begun with the request before.
                if words[0].upper() == "INCRBY" and self.counted:
                    self.counted[-1] += 1
                elif words[0].upper() == "INCRBY":
                    self.counted.append(1)
                elif words[0].upper() == "PEXPIRE":
                    if self.began:
                        self.counted[-1] -= 1
                        self.counted.append(1)
                    self.began.append(seen["time"])
