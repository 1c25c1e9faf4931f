"""Connections to Redis, each with explicit timeouts.

redis-py's own defaults retry a blocked read for up to a minute; a service that answers within a window cannot use them.
"""

from __future__ import annotations

import re
from typing import Any, TypeAlias

import redis
from redis.backoff import ExponentialBackoff, NoBackoff
from redis.driver_info import DriverInfo
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import OutOfMemoryError, ReadOnlyError, RedisError, ResponseError
from redis.exceptions import TimeoutError as RedisTimeoutError
from redis.retry import Retry

from platehost.settings import SettingError

# redis-py's stubs give each command the union of every form that any client may answer in; ours answer in bytes.
Client: TypeAlias = Any

CONNECT_TIMEOUT = 1.0

# Made once: the library would look its own version up on the disk for every connection, which takes longer than opening
# one, and holds Python's lock.
DRIVER = DriverInfo()

_UNUSABLE = (
    "REDIS_URL or PLATEHOST_BLOB_URL cannot be used. Write it like redis://user:password@host:6379/0, and in its "
    "password / as %2F, ? as %3F, # as %23, @ as %40 and % as %25."
)

# Redis answers these while it loads, shuts down, fails over or cannot write: the caller did nothing wrong.
_PASSING_ANSWERS = ("LOADING", "BUSY", "MISCONF", "MASTERDOWN", "CLUSTERDOWN", "TRYAGAIN", "NOREPL", "OOM", "READONLY")


def is_outage(error: BaseException) -> bool:
    """True when the store, not the request, is at fault, so that trying again later may help."""
    if isinstance(error, RedisConnectionError | RedisTimeoutError | OutOfMemoryError | ReadOnlyError):
        return True
    return isinstance(error, ResponseError) and str(error).startswith(_PASSING_ANSWERS)


def connect(url: str, *, max_connections: int = 256) -> Client:
    """For short commands in a request: gives up after about 1.5 s of a store that cannot be reached."""
    retry = Retry(ExponentialBackoff(cap=0.4, base=0.05), 5)
    return _client(url, timeout=2.0, retry=retry, max_connections=max_connections)


def connect_waiting(url: str, *, longest: float, max_connections: int = 256) -> Client:
    """For blocking reads of at most `longest` seconds. Never retries: the caller knows how much of its time is left."""
    return _client(url, timeout=longest + 5.0, retry=Retry(NoBackoff(), 0), max_connections=max_connections)


def connect_probe(url: str, *, seconds: float = 0.25) -> Client:
    """For probes: answers or fails within a quarter of a second, or `seconds`."""
    return _client(url, timeout=seconds, retry=Retry(NoBackoff(), 0), max_connections=8, connect_timeout=seconds)


def connect_patient(url: str, retry: Retry, *, longest: float, max_connections: int = 16) -> Client:
    """For a process that outlives a restart of Redis: every command is tried again as `retry` says."""
    return _client(url, timeout=longest + 5.0, retry=retry, max_connections=max_connections)


def _client(
    url: str, *, timeout: float, retry: Retry, max_connections: int, connect_timeout: float = CONNECT_TIMEOUT
) -> Client:
    # An unescaped sign ends the host part early, and the password's rest would be taken for a port, path or query.
    if "@" in url.partition("://")[2] and "@" not in _host_part(url):
        raise SettingError(_UNUSABLE)
    try:
        return redis.Redis.from_url(
            url,
            socket_timeout=timeout,
            socket_connect_timeout=connect_timeout,
            socket_keepalive=True,
            driver_info=DRIVER,
            health_check_interval=0,
            retry=retry,
            max_connections=max_connections,
        )
    except ValueError:
        # Neither the URL nor the library's words: both may hold a part of the password.
        raise SettingError(_UNUSABLE) from None


def _host_part(url: str) -> str:
    """The part of a URL that names user, password, host and port; a Unix socket's is its whole path."""
    scheme, _, rest = url.partition("://")
    return rest if scheme == "unix" else re.split(r"[/?#]", rest, maxsplit=1)[0]


__all__ = ["Client", "RedisError", "connect", "connect_patient", "connect_probe", "connect_waiting", "is_outage"]
