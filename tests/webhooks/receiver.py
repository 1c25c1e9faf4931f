"""A real HTTP server on loopback that keeps what it got and answers as a test tells it to."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass
class Received:
    """One request; header names in lower case."""

    path: str
    headers: dict[str, str]
    body: bytes
    at: float = field(default_factory=time.time)


@dataclass
class Reply:
    status: int = 200
    body: bytes = b"ok"
    headers: Mapping[str, str] = field(default_factory=dict)
    hang: float = 0.0
    """Seconds before the answer; a closing receiver ends them."""
    drip: bool = False
    """One byte of the answer's headers every tenth of a second, for ever."""


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 256
    block_on_close = False


class Receiver:
    """Listens on 127.0.0.1; `reply` is called with each request."""

    def __init__(self, reply: Callable[[Received], Reply] | None = None, port: int = 0) -> None:
        self.reply = reply or (lambda received: Reply())
        self.received: list[Received] = []
        self.closing = threading.Event()
        outer = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                # Like the vendor's own receivers: a body without a length is none.
                length = int(self.headers["Content-Length"])
                self._answer(self.rfile.read(length))

            def do_GET(self) -> None:
                self._answer(b"")

            def _answer(self, body: bytes) -> None:
                headers = {name.lower(): text for name, text in self.headers.items()}
                received = Received(self.path, headers, body)
                outer.received.append(received)
                reply = outer.reply(received)
                if reply.hang:
                    outer.closing.wait(reply.hang)
                if reply.drip:
                    self.wfile.write(b"HTTP/1.1 200 OK\r\nX-Slow: ")
                    while not outer.closing.wait(0.1):
                        self.wfile.write(b"a")
                self.send_response(reply.status)
                for name, text in reply.headers.items():
                    self.send_header(name, text)
                self.send_header("Content-Length", str(len(reply.body)))
                self.end_headers()
                self.wfile.write(reply.body)

            def handle(self) -> None:
                try:
                    super().handle()
                except OSError:
                    self.close_connection = True

            def log_message(self, *args: Any) -> None:
                pass

        self._server = _Server(("127.0.0.1", port), Handler)
        self.port = self._server.server_address[1]
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/hook"

    def close(self) -> None:
        self.closing.set()
        self._server.shutdown()
        self._server.server_close()
