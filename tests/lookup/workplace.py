"""A worker inside the test, with real queues and registers; its core finds the plates that are written in a picture."""

from __future__ import annotations

import re
import signal
from collections.abc import Callable, Sequence

import redis

from platehost.blobs import RedisBlobs
from platehost.jobs import JobRequest, Jobs
from platehost.options import Options
from platehost.patience import Patience
from platehost.reading import Outcome, Plate, Reading, Registration
from platehost.settings import Settings
from platehost.store import connect_waiting
from platehost.usage import Usage
from tests.service.scripted import plate
from worker.batch_worker import BatchWorker
from worker.lookup import Lookups, open_lookups

JPEG = b"\xff\xd8\xff\xe0 picture "


def written(*plates: str) -> bytes:
    """What follows a picture's data to say which plates are seen in it, as `AB12CDE gb`; the region may be left out."""
    return b"".join(f"<{each}>".encode() for each in plates)


class WrittenReader:
    """Reads what `written` wrote. `meanwhile`, by the number of the call from 0, is done during that call."""

    def __init__(self, meanwhile: dict[int, Callable[[], object]] | None = None) -> None:
        self.calls: list[list[bytes]] = []
        self._meanwhile = meanwhile or {}

    def read(
        self, pictures: Sequence[bytes], options: Sequence[Options], deadline_ms: int | None = None
    ) -> list[Outcome]:
        number = len(self.calls)
        self.calls.append(list(pictures))
        self._meanwhile.get(number, lambda: None)()
        return [Reading(640, 480, self.plates(picture)) for picture in pictures]

    def plates(self, picture: bytes) -> tuple[Plate, ...]:
        found = re.findall(rb"<([A-Z0-9]+)(?: ([a-z-]+))?>", picture)
        return tuple(plate(text.decode(), region.decode() or None) for text, region in found)


class Workplace:
    """`run` works until the queue is empty and every job has ended."""

    def __init__(self, store: redis.Redis, settings: Settings) -> None:
        self.settings = settings
        self.store = store
        self.jobs = Jobs(store, connect_waiting(settings.redis_url, longest=2), RedisBlobs(store), settings)
        self.lookups: Lookups | None = open_lookups(settings, store)

    def submit(self, *plates: str, regions: Sequence[str] = (), lookup: bool = True) -> str:
        request = JobRequest("main", "npr", Options(regions=tuple(regions)), lookup=lookup)
        return self.jobs.submit(JPEG + written(*plates), request)

    def run(self, reader: WrittenReader | None = None) -> None:
        handlers = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
        blobs, usage = RedisBlobs(self.store), Usage(self.store)
        reader = reader or WrittenReader()
        worker = BatchWorker(self.store, reader, blobs, usage, self.settings, Patience(), self.lookups)
        try:
            worker.work(burst=True, logging_level="WARNING")
        finally:
            for number, handler in handlers.items():
                signal.signal(number, handler)

    def look_up(self, *plates: str, regions: Sequence[str] = ()) -> list[Registration | None]:
        """What the registers say of the plates of one picture."""
        job_id = self.submit(*plates, regions=regions)
        self.run()
        return self.registrations(job_id)

    def ended(self, job_id: str) -> bool:
        state = self.jobs.state(job_id)
        assert state is not None
        return state.outcome is not None

    def registrations(self, job_id: str) -> list[Registration | None]:
        state = self.jobs.state(job_id)
        assert state is not None
        assert isinstance(state.outcome, Reading), state.outcome
        return [each.registration for each in state.outcome.plates]
