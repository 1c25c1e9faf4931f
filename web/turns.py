"""Who is worked on next in a process, so that a burst of pictures does not stand before a short answer.

Python runs one thread at a time. As long as it is not known that a key's window is used up, who comes next has to ask
Redis, and each answer from there waits for the thread that runs: beside twenty pictures of one burst, for most of them.
So keys and limits come first, and a picture is worked on while nobody looks at these. A request that waits, for a
reading, another server or its own body, holds no turn.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from enum import Enum, auto

from flask import Flask, g


class Lane(Enum):
    """Two kinds of work; the first is short, and goes before the second."""

    LOOK = auto()  # at the key and the limit
    READ = auto()  # the picture and the fields, and write the answer


# While one of those that look waits for Redis, another does. A picture at a time leaves room for refusals beside it.
MOST = {Lane.LOOK: 2, Lane.READ: 1}

# Turns are for order, not for safety: nobody waits for long for those whom a Redis that is away holds up.
PATIENCE = 0.25


class Turns:
    """The turns of one process. A request has one at most, and no longer than until it was answered."""

    def __init__(self, most: Mapping[Lane, int] = MOST, patience: float = PATIENCE) -> None:
        self._most = most
        self._patience = patience
        lock = threading.Lock()
        self._freed = {lane: threading.Condition(lock) for lane in Lane}
        self._taken = dict.fromkeys(Lane, 0)
        self._waiting = dict.fromkeys(Lane, 0)

    def register(self, app: Flask) -> None:
        """Takes the turn from a request that ends, however it does."""
        app.teardown_request(lambda error: self.end())

    def begin(self, lane: Lane) -> None:
        """Waits for a turn in this lane, at most as long as is patient; gives back the one that the request has."""
        self.end()
        with self._freed[lane]:
            self._waiting[lane] += 1
            if self._freed[lane].wait_for(lambda: self._is_free(lane), self._patience):
                self._taken[lane] += 1
                g.lane = lane
            self._waiting[lane] -= 1
            self._call_next()

    def end(self) -> None:
        """Gives the turn back; nothing for a request that has none."""
        lane: Lane | None = g.pop("lane", None)
        if lane:
            with self._freed[lane]:
                self._taken[lane] -= 1
                self._call_next()

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

    def _is_free(self, lane: Lane) -> bool:
        looked_at = self._taken[Lane.LOOK] + self._waiting[Lane.LOOK]
        return self._taken[lane] < self._most[lane] and (lane is Lane.LOOK or not looked_at)

    def _call_next(self) -> None:
        for lane in Lane:
            if self._waiting[lane] and self._is_free(lane):
                self._freed[lane].notify()
