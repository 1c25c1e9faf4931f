"""Requests to other people's servers, behind the address guard.

No redirects (a public server could point inside), no proxies or passwords from the environment, an end to the whole
request's time, however slowly the other side drips, and to what is read of the answer.
"""

from __future__ import annotations

import contextlib
import heapq
import os
import socket
import ssl
import threading
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from http.client import IncompleteRead
from typing import Any

import certifi
from urllib3 import BaseHTTPResponse, HTTPConnectionPool, HTTPSConnectionPool, PoolManager
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.exceptions import ConnectTimeoutError, HTTPError, NameResolutionError, NewConnectionError, SSLError
from urllib3.exceptions import TimeoutError as Urllib3TimeoutError

from platehost.address_guard import AddressGuard, AddressRefused

USER_AGENT = "platehost"
_PIECE = 65_536
_LONGEST_REASON = 200


class OutboundError(Exception):
    """A request without an answer. The message says why in a few words; `refused` when the guard did not allow it."""

    def __init__(self, message: str, *, refused: bool = False) -> None:
        super().__init__(message)
        self.refused = refused


@dataclass(frozen=True)
class Answer:
    """What the other side said; `body` is its first bytes, `whole` tells whether there were no more."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    whole: bool


class Outbound:
    """Sends requests and keeps connections open between them. Safe to be shared by threads."""

    def __init__(self, guard: AddressGuard, *, idle: int = 1, hosts: int = 256) -> None:
        """`idle` connections per host are kept open at most, to the `hosts` that were used last."""
        trust = ssl.create_default_context()
        # The system's own certificates may be missing in a small container.
        trust.load_verify_locations(certifi.where())
        self._pools = PoolManager(num_pools=hosts, maxsize=idle, ssl_context=trust)
        self._pools.pool_classes_by_scheme = _pool_classes(guard)

    def send(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        body: bytes | None = None,
        seconds: float,
        most_bytes: int,
    ) -> Answer:
        """The answer, whatever its status, with at most `most_bytes` of its body, within `seconds` in all.

        An answer whose body broke off or took too long is given with what came of it, not `whole`. The look-up of the
        name is not cut short: its own limits are the resolver's. Raises OutboundError.
        """
        # `identity`: an answer that unpacks to more than was sent has no use here.
        sent = {"User-Agent": USER_AGENT, "Accept-Encoding": "identity", **(headers or {})}
        with _clock.running(seconds) as lap:
            try:
                response = self._pools.request(
                    method,
                    url,
                    headers=sent,
                    body=body,
                    timeout=seconds,
                    retries=False,
                    redirect=False,
                    preload_content=False,
                )
                # Cut off among its headers, an answer looks like one with fewer headers.
                if lap.over:
                    response.close()
                    raise TimeoutError
            except AddressRefused as error:
                raise OutboundError(str(error), refused=True) from error
            except (HTTPError, OSError, ValueError) as error:
                raise OutboundError(
                    f"no answer within {seconds:g} s" if lap.over else _words(error, seconds)
                ) from error
            body_read, whole = _read(response, most_bytes)
            return Answer(response.status, dict(response.headers), body_read, whole and not lap.over)

    def close(self) -> None:
        self._pools.clear()


def _read(response: BaseHTTPResponse, most_bytes: int) -> tuple[bytes, bool]:
    parts: list[bytes] = []
    size = 0
    try:
        while size <= most_bytes:
            part = response.read(min(_PIECE, most_bytes + 1 - size))
            if not part:
                # Only an answer that was read to its end leaves a connection that can be used again.
                response.release_conn()
                return b"".join(parts), True
            parts.append(part)
            size += len(part)
    except (HTTPError, OSError):
        pass
    response.close()
    return b"".join(parts)[:most_bytes], False


def _words(error: Exception, seconds: float) -> str:
    causes = [error, error.__cause__, *error.args]
    if isinstance(error, NameResolutionError):
        return "the host's name was not found"
    if isinstance(error, SSLError | ssl.SSLError):
        return f"no trusted connection: {error}"[:_LONGEST_REASON]
    if any(isinstance(each, ConnectionRefusedError) for each in causes):
        return "the connection was refused"
    if any(isinstance(each, ConnectionError | IncompleteRead) for each in causes):
        return "the connection broke off"
    # One that never came about counts as a time-out in urllib3, whatever the reason.
    if isinstance(error, Urllib3TimeoutError) and not isinstance(error, NewConnectionError):
        return f"no answer within {seconds:g} s"
    return f"no usable answer: {error}"[:_LONGEST_REASON]


class _Line:
    """A second handle of a connection's socket: it can be shut whoever holds the first, also inside TLS."""

    def __init__(self, line: socket.socket) -> None:
        self._handle = os.dup(line.fileno())

    def shut(self) -> None:
        with contextlib.suppress(OSError), socket.socket(fileno=os.dup(self._handle)) as line:
            line.shutdown(socket.SHUT_RDWR)

    def __del__(self) -> None:
        os.close(self._handle)


class _Lap:
    """One request's time."""

    def __init__(self) -> None:
        self.over = False
        self.line: _Line | None = None

    def end(self) -> None:
        self.over = True
        if self.line:
            self.line.shut()


class _Clock:
    """One thread that ends every request of this process whose time is over."""

    def __init__(self) -> None:
        self._local = threading.local()
        self._changed = threading.Condition()
        self._laps: list[tuple[float, int, _Lap]] = []
        self._thread: threading.Thread | None = None

    @contextlib.contextmanager
    def running(self, seconds: float) -> Iterator[_Lap]:
        lap = _Lap()
        entry = (time.monotonic() + seconds, id(lap), lap)
        with self._changed:
            # Not before: a thread does not survive the fork of a web server.
            if self._thread is None or not self._thread.is_alive():
                self._thread = threading.Thread(target=self._watch, name="outbound-clock", daemon=True)
                self._thread.start()
            heapq.heappush(self._laps, entry)
            if self._laps[0] is entry:
                self._changed.notify()
        self._local.lap = lap
        try:
            yield lap
        finally:
            self._local.lap = None
            lap.line = None
            with self._changed:
                self._laps.remove(entry)
                heapq.heapify(self._laps)

    def uses(self, line: _Line | None) -> None:
        """Tells that the current thread's request goes over this line."""
        lap: _Lap | None = getattr(self._local, "lap", None)
        if lap:
            lap.line = line
            if lap.over and line:
                line.shut()

    def _watch(self) -> None:
        while True:
            with self._changed:
                left = self._laps[0][0] - time.monotonic() if self._laps else None
                if left is None or left > 0:
                    self._changed.wait(left)
                    continue
                now = time.monotonic()
                late = [lap for ends, _, lap in self._laps if ends <= now and not lap.over]
            for lap in late:
                lap.end()
            # Ended requests leave the list themselves, in a moment.
            time.sleep(0.02)


_clock = _Clock()


class _GuardedConnection(HTTPConnection):
    guard: AddressGuard
    line: _Line | None = None

    def _new_conn(self) -> socket.socket:
        try:
            made = self.guard.connect(self._dns_host, self.port, self.timeout, self.socket_options)
        except socket.gaierror as error:
            raise NameResolutionError(self.host, self, error) from error
        except TimeoutError as error:
            raise ConnectTimeoutError(self, "no connection in time") from error
        except OSError as error:
            raise NewConnectionError(self, str(error)) from error
        self.line = _Line(made)
        _clock.uses(self.line)
        return made

    def request(self, *args: Any, **kwargs: Any) -> None:
        _clock.uses(self.line)
        super().request(*args, **kwargs)

    def close(self) -> None:
        # The clock keeps its own reference while an answer is still being read.
        self.line = None
        super().close()


class _GuardedTlsConnection(_GuardedConnection, HTTPSConnection):
    pass


def _pool_classes(guard: AddressGuard) -> dict[str, Any]:
    plain = type("Connection", (_GuardedConnection,), {"guard": guard})
    tls = type("TlsConnection", (_GuardedTlsConnection,), {"guard": guard})
    return {
        "http": type("Pool", (HTTPConnectionPool,), {"ConnectionCls": plain}),
        "https": type("TlsPool", (HTTPSConnectionPool,), {"ConnectionCls": tls}),
    }
