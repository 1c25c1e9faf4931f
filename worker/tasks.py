"""What a worker does with the jobs of one batch, apart from RQ: pictures in, outcomes out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from platehost.blobs import Blobs
from platehost.jobs import blob_name
from platehost.options import Options
from platehost.reading import Failure, Outcome, Reading

# The core's or the machine's fault, not the picture's: worth another run, alone.
_WORTH_ANOTHER_RUN = {"inference_failed", "runtime_unavailable"}


class Reader(Protocol):
    """The part of worker.engine.Recogniser that a batch needs."""

    def read(
        self, pictures: Sequence[bytes], options: Sequence[Options], deadline_ms: int | None = None
    ) -> list[Outcome]: ...


class NoOutcome(Exception):
    """A job that ended without an outcome and should be run again; the message is the reason."""


@dataclass(frozen=True)
class Task:
    """One job's part in a batch."""

    job_id: str
    options: Options
    smallest: tuple[int, int] | None

    @classmethod
    def of(cls, job_id: str, kwargs: Mapping[str, Any]) -> Task:
        """From the arguments that platehost.jobs enqueued."""
        smallest = kwargs.get("smallest")
        return cls(job_id, Options.from_json(kwargs["options"]), (smallest[0], smallest[1]) if smallest else None)


def recognise(reader: Reader, blobs: Blobs, tasks: Sequence[Task], timeout: int) -> list[Outcome | NoOutcome]:
    """Reads the pictures of all tasks in one call of the core, within `timeout` seconds; one outcome per task.

    Raises redis.RedisError or OSError when the pictures cannot be had, core_rs.CoreError when the whole call failed.
    """
    pictures = [blobs.get(blob_name(task.job_id)) for task in tasks]
    present = [index for index, picture in enumerate(pictures) if picture is not None]
    read = reader.read(
        [picture for picture in pictures if picture is not None],
        [tasks[index].options for index in present],
        deadline_ms=timeout * 1000,
    )
    outcomes: list[Outcome | NoOutcome] = [
        Failure("picture_gone", "The picture waited too long for a worker and was dropped. Send it again.")
    ] * len(tasks)
    for index, outcome in zip(present, read, strict=True):
        outcomes[index] = _judge(outcome, tasks[index], alone=len(tasks) == 1)
    return outcomes


def _judge(outcome: Outcome, task: Task, *, alone: bool) -> Outcome | NoOutcome:
    if isinstance(outcome, Reading):
        return _too_small(outcome, task) or outcome
    if outcome.code in _WORTH_ANOTHER_RUN or (outcome.code == "deadline_exceeded" and not alone):
        return NoOutcome(f"{outcome.code}: {outcome.message}")
    return outcome


def _too_small(reading: Reading, task: Task) -> Failure | None:
    if not task.smallest:
        return None
    longer, shorter = task.smallest
    if max(reading.width, reading.height) >= longer and min(reading.width, reading.height) >= shorter:
        return None
    return Failure(
        "image_too_small",
        f"The image is {reading.width}x{reading.height} pixels; at least {longer}x{shorter} are needed. "
        "Send a larger picture.",
    )
