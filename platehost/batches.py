"""Batches: several pictures under one id, each read by a job of its own or refused at once."""

from __future__ import annotations

import json
import re
import uuid
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime

from platehost.jobs import Jobs, JobState
from platehost.reading import Failure, Outcome
from platehost.settings import Settings
from platehost.store import Client
from platehost.stored import made

PREFIX = "platehost:batch:"
_ID = re.compile(r"batch-[0-9a-f]{32}")


@dataclass(frozen=True)
class Entry:
    """One picture of a batch: the job that reads it, or why it was not accepted."""

    job_id: str | None = None
    failure: Failure | None = None


@dataclass(frozen=True)
class Batch:
    """A batch as its owner sees it; `outcomes` has one place per picture, in their order, None until it ended."""

    id: str
    account: str
    face: str
    created: datetime
    state: str
    outcomes: tuple[Outcome | None, ...]


class Batches:
    """The batches in one Redis. Every method may raise redis.RedisError when the store cannot be reached."""

    def __init__(self, store: Client, jobs: Jobs, settings: Settings) -> None:
        self._store = store
        self._jobs = jobs
        # The last picture may wait for as long as a blob lives, and its result is then kept for its own time.
        self._seconds = settings.blob_ttl + settings.job_timeout + settings.result_ttl

    def create(self, account: str, face: str, entries: Sequence[Entry]) -> str:
        """Keeps which pictures belong together; returns the batch's id."""
        batch_id = f"batch-{uuid.uuid4().hex}"
        record = {
            "account": account,
            "face": face,
            "created": datetime.now(UTC).isoformat(),
            "entries": [asdict(each) for each in entries],
        }
        self._store.set(PREFIX + batch_id, json.dumps(record), ex=self._seconds)
        return batch_id

    def find(self, batch_id: str) -> Batch | None:
        """The batch with this id, None when there is none or the time of all its results is over."""
        if not _ID.fullmatch(batch_id):
            return None
        stored = self._store.get(PREFIX + batch_id)
        if stored is None:
            return None
        record = json.loads(stored)
        entries = [Entry(each["job_id"], _failure(each["failure"])) for each in record["entries"]]
        states = [self._jobs.state(each.job_id) if each.job_id else None for each in entries]
        if not any(states) and any(each.job_id for each in entries):
            return None
        return Batch(
            id=batch_id,
            account=record["account"],
            face=record["face"],
            created=datetime.fromisoformat(record["created"]),
            state=_state(entries, states),
            outcomes=tuple(_outcome(entry, state) for entry, state in zip(entries, states, strict=True)),
        )

    def cancel(self, batch_id: str) -> None:
        """Cancels those pictures of a batch that still wait."""
        stored = self._store.get(PREFIX + batch_id)
        for each in json.loads(stored)["entries"] if stored else []:
            if each["job_id"]:
                self._jobs.cancel(each["job_id"])


def _failure(stored: dict[str, str] | None) -> Failure | None:
    return made(Failure, stored) if stored else None


def _outcome(entry: Entry, state: JobState | None) -> Outcome | None:
    if entry.failure:
        return entry.failure
    if state is None:
        return Failure("result_gone", "The result of this picture was kept for its time and is gone.")
    return state.outcome


def _state(entries: Sequence[Entry], states: Sequence[JobState | None]) -> str:
    """queued, started, finished or cancelled: the last when a picture was cancelled and none is left to do."""
    words = {state.state for state in states if state}
    if words & {"queued", "started"}:
        begun = words != {"queued"} or any(entry.failure for entry in entries)
        return "started" if begun else "queued"
    return "cancelled" if "cancelled" in words else "finished"
