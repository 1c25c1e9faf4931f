"""What providers said, kept in Redis for all workers; and who asks now, so that two never ask for the same plate."""

from __future__ import annotations

import json
import math
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict

from platehost.reading import Registration
from platehost.store import Client, RedisError
from platehost.stored import made
from worker.lookup.providers import Found

PREFIX = "platehost:lookup:"
# A part that could not be had is asked for again soon.
_NOT_WHOLE_SECONDS = 300
_SECONDS_BETWEEN_LOOKS = 0.05

Question = tuple[str, str]
"""A provider's name and a plate."""


class Cache:
    """Every method may raise redis.RedisError when the store cannot be reached."""

    def __init__(self, store: Client, *, known_seconds: int, unknown_seconds: int) -> None:
        self._store = store
        self._known_seconds = known_seconds
        self._unknown_seconds = unknown_seconds

    def find(self, questions: Sequence[Question]) -> tuple[dict[Question, Registration | None], set[str]]:
        """The kept answers, None for a plate that its provider does not know; and the providers that are paused."""
        names = sorted({name for name, _ in questions})
        keys = [*map(_key, questions), *map(_pause_key, names)]
        stored = self._store.mget(keys) if keys else []
        answers = zip(questions, stored, strict=False)
        paused = zip(names, stored[len(questions) :], strict=True)
        return (
            {question: _restored(text) for question, text in answers if text is not None},
            {name for name, mark in paused if mark is not None},
        )

    def keep(self, question: Question, found: Found) -> None:
        seconds = self._unknown_seconds if found.registration is None else self._known_seconds
        if not found.whole:
            seconds = min(seconds, _NOT_WHOLE_SECONDS)
        text = json.dumps(asdict(found.registration) if found.registration else None)
        self._store.set(_key(question), text, ex=seconds)

    def pause(self, name: str, seconds: float) -> None:
        """No worker asks this provider for so long."""
        self._store.set(_pause_key(name), 1, px=max(1, math.ceil(seconds * 1000)))

    @contextmanager
    def asking(self, question: Question, seconds: float) -> Iterator[bool]:
        """True inside when nobody else asks; then nobody else does until the end of the block, or `seconds`."""
        lock = self._store.lock(f"{PREFIX}asking:{':'.join(question)}", timeout=seconds, thread_local=False)
        mine = bool(lock.acquire(blocking=False))
        try:
            yield mine
        finally:
            if mine:
                # Its time was over, or the store is away; it ends by itself.
                with suppress(RedisError):
                    lock.release()

    def wait(self, question: Question, seconds: float) -> Registration | None:
        """What another's asking comes to within `seconds`; None also when it comes to nothing."""
        ends = time.monotonic() + seconds
        while time.monotonic() < ends:
            # The question is over first and the answer there before: looked at in this order, none is missed.
            over = not self._store.exists(f"{PREFIX}asking:{':'.join(question)}")
            text = self._store.get(_key(question))
            if text is not None:
                return _restored(text)
            if over:
                return None
            time.sleep(_SECONDS_BETWEEN_LOOKS)
        return None


def _key(question: Question) -> str:
    return f"{PREFIX}answer:{':'.join(question)}"


def _pause_key(name: str) -> str:
    return f"{PREFIX}paused:{name}"


def _restored(text: bytes) -> Registration | None:
    fields = json.loads(text)
    return None if fields is None else made(Registration, fields)
