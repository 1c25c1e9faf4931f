"""Where the limiter counts: one Redis counter per key and window, asked once a request.

A window is fixed: it begins with a key's first request after the last one ended, and lasts as long as the rate says.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any, cast

from flask import g
from limits import RateLimitItem
from limits.storage import RedisStorage
from redis.backoff import NoBackoff
from redis.retry import Retry

from platehost.settings import Settings
from platehost.store import DRIVER

SCHEME = "windows"
PREFIX = "platehost"

# Longer than Redis needs on any good day; a request is not held up by more than this, once, and then counted in memory.
SECONDS = 0.25

# The library's own counts without telling when the window ends, and tells that in whole seconds in two further trips.
# KEYS: the window. ARGV: its length in seconds, the requests. Gives the requests so far and the milliseconds left.
_HIT = """
local count = redis.call('INCRBY', KEYS[1], ARGV[2])
if count == tonumber(ARGV[2]) or redis.call('PTTL', KEYS[1]) < 0 then
  redis.call('PEXPIRE', KEYS[1], 1000 * ARGV[1])
end
return {count, redis.call('PTTL', KEYS[1])}
"""


@dataclass(frozen=True)
class Window:
    """`used` requests of the window that ends at `ends` (Unix seconds)."""

    used: int
    ends: float


class Windows(RedisStorage):
    """Flask-Limiter's store. Keeps the window that a request was counted in, for the headers of its answer."""

    STORAGE_SCHEME = [f"{SCHEME}+redis", f"{SCHEME}+rediss", f"{SCHEME}+unix"]  # noqa: RUF012

    def __init__(self, uri: str, **options: Any) -> None:
        super().__init__(uri.removeprefix(f"{SCHEME}+"), **options)
        self._client = cast(Any, self.get_connection())
        self._hit = self._client.register_script(_HIT)

    def incr(self, key: str, expiry: int, amount: int = 1) -> int:
        """Counts `amount` requests; gives those of the window so far."""
        used, left = self._hit(keys=[self.prefixed_key(key)], args=[expiry, amount])
        g.window = Window(int(used), time.time() + int(left) / 1000)
        return int(used)

    def look(self, limit: RateLimitItem, caller: str, scope: str) -> Window | None:
        """The window that runs for this caller, without counting; None when none does."""
        name = self.prefixed_key(limit.key_for(PREFIX, caller, scope))
        with self._client.pipeline(transaction=False) as pipeline:
            used, left = pipeline.get(name).pttl(name).execute()
        return Window(int(used), time.time() + left / 1000) if used and left > 0 else None


def storage_uri(settings: Settings) -> str:
    """The store's address for Flask-Limiter, which knows this class by its scheme."""
    return f"{SCHEME}+{settings.redis_url}"


def storage_options(settings: Settings) -> dict[str, Any]:
    """A limiter that cannot count must not keep anybody waiting."""
    return {
        "socket_timeout": SECONDS,
        "socket_connect_timeout": SECONDS,
        "retry": Retry(NoBackoff(), 0),
        "driver_info": DRIVER,
        "max_connections": settings.web_threads * 2,
    }
