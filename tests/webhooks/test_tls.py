"""TLS behind the address guard: the name is checked, although the connection goes to an address."""

from __future__ import annotations

import socket
import ssl
import threading
from collections.abc import Iterator
from typing import Any

import pytest
import trustme

from platehost.address_guard import AddressGuard
from platehost.outbound import Outbound, OutboundError


class TlsReceiver:
    """Answers each connection with 200, or drips the answer's headers for ever."""

    def __init__(self, context: ssl.SSLContext, drip: bool = False) -> None:
        self.names: list[str | None] = []
        self._drip = drip
        self._closing = threading.Event()
        context.sni_callback = lambda line, name, _: self.names.append(name)
        self._context = context
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        while True:
            try:
                accepted, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._answer, args=(accepted,), daemon=True).start()

    def _answer(self, accepted: socket.socket) -> None:
        try:
            with self._context.wrap_socket(accepted, server_side=True) as line:
                received = b""
                # Closing with something unread would break the connection off.
                while not received.endswith(b"{}"):
                    received += line.recv(65_536)
                line.sendall(b"HTTP/1.1 200 OK\r\nX-Slow: ")
                while self._drip and not self._closing.wait(0.1):
                    line.sendall(b"a")
                line.sendall(b"a\r\nContent-Length: 2\r\n\r\nok")
        except OSError:
            pass

    def close(self) -> None:
        self._closing.set()
        self._listener.close()


@pytest.fixture
def outbound(monkeypatch: pytest.MonkeyPatch, tmp_path: Any, authority: trustme.CA) -> Outbound:
    authority.cert_pem.write_to_path(tmp_path / "authority.pem")
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "authority.pem"))

    def resolve(host: str, port: int) -> list[tuple[Any, ...]]:
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", port))]

    return Outbound(AddressGuard(AddressGuard.from_setting("127.0.0.1/32")._allowed, resolve))


@pytest.fixture(scope="session")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture
def receivers(authority: trustme.CA) -> Iterator[list[TlsReceiver]]:
    made = []
    for drip in (False, True):
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        authority.issue_cert("plates.example").configure_cert(context)
        made.append(TlsReceiver(context, drip))
    yield made
    for each in made:
        each.close()


def test_the_certificate_is_checked_against_the_name(outbound: Outbound, receivers: list[TlsReceiver]) -> None:
    good = receivers[0]
    answer = outbound.send("POST", f"https://plates.example:{good.port}/", body=b"{}", seconds=5, most_bytes=100)
    assert (answer.status, answer.body) == (200, b"ok")
    assert good.names == ["plates.example"]
    with pytest.raises(OutboundError, match="no trusted connection"):
        outbound.send("POST", f"https://other.example:{good.port}/", body=b"{}", seconds=5, most_bytes=100)


def test_a_slow_receiver_is_cut_off_inside_tls(outbound: Outbound, receivers: list[TlsReceiver]) -> None:
    with pytest.raises(OutboundError, match=r"no answer within 0\.5 s"):
        outbound.send("POST", f"https://plates.example:{receivers[1].port}/", body=b"{}", seconds=0.5, most_bytes=100)
