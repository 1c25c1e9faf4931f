"""Which keys are known to have used up their window: these are refused from memory, whatever they send and how often.

Nothing is known for longer than a second, so that a revoked key or a larger plan is seen as soon as that.
"""

from __future__ import annotations

import hashlib
import time
from dataclasses import dataclass

from platehost.keys import Key
from platehost.plans import Plan
from web.windows import Window

SECONDS = 1.0

# Far more than keys that call too often at one time; beyond it Redis is asked.
MOST = 10_000


@dataclass(frozen=True)
class Closed:
    """Whose window is used up, and until when (Unix seconds) that is believed."""

    key: Key
    plan: Plan | None
    window: Window
    until: float


class ClosedWindows:
    """By the Authorization header that a request comes with, of which only a hash is kept."""

    def __init__(self) -> None:
        self._closed: dict[bytes, Closed] = {}

    def close(self, authorization: str, key: Key, plan: Plan | None, window: Window) -> None:
        """Remembers that the window is used up."""
        now = time.time()
        if len(self._closed) >= MOST:
            # A copy: other threads read and write meanwhile.
            self._closed = {name: each for name, each in self._closed.copy().items() if each.until > now}
        if len(self._closed) < MOST:
            self._closed[_digest(authorization)] = Closed(key, plan, window, min(window.ends, now + SECONDS))

    def find(self, authorization: str) -> Closed | None:
        """The used-up window of this header, None when none is known."""
        closed = self._closed.get(_digest(authorization))
        return closed if closed and time.time() < closed.until else None


def _digest(authorization: str) -> bytes:
    return hashlib.sha256(authorization.encode("utf-8", "surrogatepass")).digest()
