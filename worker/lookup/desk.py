"""One provider's desk in a worker: a few requests at a time, each plate once however many want it, pauses kept."""

from __future__ import annotations

import logging
import threading
from collections import deque
from concurrent.futures import Future

from platehost.metrics import count_lookup
from platehost.reading import Registration
from platehost.store import RedisError
from worker.lookup.breaker import Breaker
from worker.lookup.cache import Cache, Question
from worker.lookup.providers import Found, Provider, ProviderError

log = logging.getLogger("worker.lookup")

MOST_AT_ONCE = 8
# Plates of minutes ago help nobody: beyond it, new ones are not asked for.
MOST_WAITING = 64

Answer = Future[Registration | None]


class Desk:
    """Hands questions to threads that end when there are none. Safe to be shared by threads."""

    def __init__(self, provider: Provider, cache: Cache, seconds: float, breaker: Breaker | None = None) -> None:
        """`seconds` is a request's time."""
        self.name = provider.name
        self._provider = provider
        self._cache = cache
        self._seconds = seconds
        self._breaker = breaker or Breaker()
        self._lock = threading.Lock()
        self._asked: dict[str, Answer] = {}
        self._waiting: deque[str] = deque()
        self._threads = 0

    def ask(self, plate: str) -> Answer | None:
        """What the provider will have said of the plate; it never holds an exception. None when too many wait."""
        with self._lock:
            if plate in self._asked:
                return self._asked[plate]
            if len(self._waiting) >= MOST_WAITING:
                return None
            answer = self._asked[plate] = Answer()
            self._waiting.append(plate)
            if self._threads < MOST_AT_ONCE:
                self._threads += 1
                # A daemon: a provider that hangs must not keep the process from ending.
                threading.Thread(target=self._serve, name=f"lookup-{self.name}", daemon=True).start()
            return answer

    def _serve(self) -> None:
        while True:
            with self._lock:
                if not self._waiting:
                    self._threads -= 1
                    return
                plate = self._waiting.popleft()
            registration = None
            try:
                registration = self._look_up(plate)
            except RedisError as error:
                log.warning("a look-up was not kept", extra={"fields": {"provider": self.name, "error": str(error)}})
            except Exception:  # whoever waits for the plate is told nothing rather than left waiting
                log.exception("a look-up failed", extra={"fields": {"provider": self.name}})
            with self._lock:
                answer = self._asked.pop(plate)
            answer.set_result(registration)

    def _look_up(self, plate: str) -> Registration | None:
        question: Question = (self.name, plate)
        with self._cache.asking(question, self._seconds + 1) as mine:
            if not mine:
                return self._cache.wait(question, self._seconds)
            # Another worker's request may have ended between the look into the cache and now.
            kept, paused = self._cache.find([question])
            if question in kept:
                return kept[question]
            if paused or not self._breaker.admits():
                count_lookup(self.name, "paused")
                return None
            found = self._request(plate)
            if found is None:
                return None
            count_lookup(self.name, "known" if found.registration else "unknown")
            try:
                self._cache.keep(question, found)
            except RedisError as error:
                log.warning("a look-up was not kept", extra={"fields": {"provider": self.name, "error": str(error)}})
            return found.registration

    def _request(self, plate: str) -> Found | None:
        try:
            found = self._provider.find(plate, self._seconds)
        except ProviderError as error:
            self._note(error)
            return None
        except Exception:
            # The breaker waits for the end of every request that it admitted.
            self._note(ProviderError("a fault in this program"))
            raise
        if self._breaker.worked():
            log.info("a register answers again", extra={"fields": {"provider": self.name}})
        return found

    def _note(self, error: ProviderError) -> None:
        fields = {"provider": self.name, "end": error.end, "error": str(error)}
        pause = self._breaker.failed(error)
        count_lookup(self.name, error.end)
        if pause:
            log.warning("a register is paused", extra={"fields": {**fields, "seconds": round(pause, 1)}})
            self._cache.pause(self.name, pause)
        else:
            log.warning("a register did not answer", extra={"fields": fields})
