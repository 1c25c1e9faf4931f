"""A batch worker in this process whose core answers from a script, to see what it does with every kind of answer."""

from __future__ import annotations

import signal
from collections.abc import Sequence

import redis

from platehost.blobs import RedisBlobs
from platehost.options import Options
from platehost.patience import Patience
from platehost.reading import Candidate, Colour, Model, Orientation, Outcome, Plate, Region, Vehicle
from platehost.settings import Settings
from platehost.usage import Usage
from worker.batch_worker import BatchWorker

Answer = Outcome | Exception


class ScriptedReader:
    """Gives the answers in order, the last one for ever; an exception fails the whole call. Remembers its calls."""

    def __init__(self, *answers: Answer) -> None:
        self._answers = list(answers)
        self.calls: list[list[bytes]] = []
        self.options: list[Options] = []

    def read(
        self, pictures: Sequence[bytes], options: Sequence[Options], deadline_ms: int | None = None
    ) -> list[Outcome]:
        self.calls.append(list(pictures))
        self.options += options
        outcomes: list[Outcome] = []
        for _ in pictures:
            answer = self._answers.pop(0) if len(self._answers) > 1 else self._answers[0]
            if isinstance(answer, Exception):
                raise answer
            outcomes.append(answer)
        return outcomes


def run_worker(
    store: redis.Redis, settings: Settings, reader: ScriptedReader, blobs: RedisBlobs | None = None
) -> BatchWorker:
    """Works until the queue is empty. The test's own signal handlers are kept."""
    handlers = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    worker = BatchWorker(store, reader, blobs or RedisBlobs(store), Usage(store), settings, Patience())
    try:
        worker.work(burst=True, logging_level="WARNING")
    finally:
        for number, handler in handlers.items():
            signal.signal(number, handler)
    return worker


def plate(text: str, region: str | None = None) -> Plate:
    return Plate(
        box=(10.4, 20.6, 110.2, 50.5),
        dscore=0.91234,
        text=text,
        score=0.98765,
        candidates=(Candidate(text, 0.98765), Candidate(text[:-1] + "8", 0.4)),
        corners=((10.0, 21.0), (110.0, 20.5), (110.2, 50.0), (10.5, 50.5)),
        char_scores=(0.99,) * len(text),
        region=Region(region, 0.9) if region else None,
    )


def vehicle(side: str = "Rear") -> Vehicle:
    """A vehicle of which everything is known."""
    return Vehicle(
        type="Sedan",
        score=0.87654,
        box=(0.2, 1.0, 200.4, 300.0),
        models=(
            Model("BMW", "3 Series", 0.61234, 2012),
            Model("Audi", "A4", 0.21, 2012),
            Model("BMW", "Unknown", 0.1),
        ),
        colours=(Colour("silver", 0.72345), Colour("white", 0.2), Colour("black", 0.05)),
        orientations=(Orientation(side, 0.93216), Orientation("Unknown", 0.06784)),
        type_score=0.8,
    )
