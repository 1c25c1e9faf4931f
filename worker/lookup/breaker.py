"""When a provider is left alone: as long as it asks to be, and ever longer while it only fails."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from worker.lookup.providers import ProviderError

FAILURES = 3
_FIRST_PAUSE = 5.0
_LONGEST_PAUSE = 300.0
# What a provider that says nothing of its own is given, and the longest that is honoured.
_LIMITED_PAUSE = 30.0
_LONGEST_ASKED = 3600.0
# A wrong key does not mend itself.
_REFUSED_PAUSE = 300.0


class Breaker:
    """One provider's, in one process. Safe to be shared by threads.

    After a pause, one request tries; the others wait for its end. `clock` is for tests.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._failures = 0
        self._until = 0.0
        self._length = 0.0
        self._trying = False

    def admits(self) -> bool:
        """Whether a request may be made now; whoever is told so calls `worked` or `failed` after it."""
        with self._lock:
            if self._clock() < self._until or self._trying:
                return False
            self._trying = self._length > 0
            return True

    def worked(self) -> bool:
        """A request was answered; True when that ends a time of pauses."""
        with self._lock:
            # A request from before the pause says nothing of the time after it.
            if self._length and not self._trying:
                return False
            mended, self._length = self._length > 0, 0.0
            self._failures = 0
            self._trying = False
            return mended

    def failed(self, error: ProviderError) -> float:
        """A request failed; returns the seconds of the pause that begins now, 0 for none."""
        with self._lock:
            self._failures += 1
            tried, self._trying = self._trying, False
            if error.end == "refused":
                pause = _REFUSED_PAUSE
            elif error.pause is not None or error.end == "limited":
                pause = min(max(_LIMITED_PAUSE if error.pause is None else error.pause, 1.0), _LONGEST_ASKED)
            elif tried or self._failures >= FAILURES:
                pause = min(self._length * 2, _LONGEST_PAUSE) if tried else _FIRST_PAUSE
            else:
                return 0.0
            ends = self._clock() + pause
            # Several requests in flight fail together; that is one pause, and the longest counts.
            begun = self._clock() >= self._until
            self._length = pause if begun else max(self._length, pause)
            self._until = max(self._until, ends)
            return pause if begun else 0.0
