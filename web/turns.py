"""How many requests a process works on at a time, so that a burst of pictures does not stand before a short answer.

Python runs one thread at a time and changes between them every few milliseconds: of many requests that are worked on at
once, the shortest is answered no sooner than the longest. In turns, each is done soon after it was begun, and none is
done later for it. A request that waits, for a reading, another server or its own body, holds no turn.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from enum import Enum, auto

from flask import Flask, g

# While one of them waits for Redis, another works.
MOST = 2

# Turns are for order, not for safety: nobody waits for long for those whom a Redis that is away holds up.
PATIENCE = 0.25


class Lane(Enum):
    """Two kinds of work, each with turns of its own, because the first is short and can spare the second."""

    LOOK = auto()  # at the key and the limit
    READ = auto()  # the picture and the fields, and write the answer


class Turns:
    """The turns of one process. A request has one at most, and no longer than until it was answered."""

    def __init__(self, most: int = MOST, patience: float = PATIENCE) -> None:
        self._free = {lane: threading.Semaphore(most) for lane in Lane}
        self._patience = patience

    def register(self, app: Flask) -> None:
        """Takes the turn from a request that ends, however it does."""
        app.teardown_request(lambda error: self.end())

    def begin(self, lane: Lane) -> None:
        """Waits for a turn in this lane, at most as long as is patient; gives back the one that the request has."""
        self.end()
        if self._free[lane].acquire(timeout=self._patience):
            g.lane = lane

    def end(self) -> None:
        """Gives the turn back; nothing for a request that has none."""
        lane: Lane | None = g.pop("lane", None)
        if lane:
            self._free[lane].release()

    @contextmanager
    def between(self) -> Iterator[None]:
        """For as long as the request waits for something it gives its turn back."""
        lane: Lane | None = g.get("lane")
        self.end()
        try:
            yield
        finally:
            if lane:
                self.begin(lane)
