"""Jobs: one recognition each, from its upload to its kept result.

A job's picture is a blob; the queue holds only ids and options. Its result is an RQ result stream, so that a waiting
request misses nothing between enqueueing and waiting.
"""

from __future__ import annotations

import contextlib
import re
import time
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import redis
from rq import Queue, Retry
from rq.exceptions import DuplicateJobError, NoSuchJobError
from rq.job import Job, JobStatus
from rq.results import Result
from rq.serializers import JSONSerializer

from platehost.blobs import Blobs
from platehost.logs import current_request
from platehost.options import Options
from platehost.reading import Failure, Outcome, from_json, to_json
from platehost.settings import Settings
from platehost.store import Client, is_outage
from platehost.usage import RESERVED_PREFIX, QuotaUsedUp, Usage

QUEUE = "recognise"
FUNCTION = "worker.tasks.recognise"
CANCELLED = "cancelled"
_ID = re.compile(r"[A-Za-z0-9_-]{1,64}")
_SECONDS_BESIDE_A_RUN = 60

# One atomic step: a connection that breaks can leave no job that is in no queue and has no result.
# KEYS: the queue, the job, its results. ARGV: the job's id, its new status, seconds to keep, the prefix of reserved
# calls, the result's fields.
_CANCEL = """
if redis.call('LREM', KEYS[1], 0, ARGV[1]) == 0 then
  return redis.call('HGET', KEYS[2], 'status') == ARGV[2] and 1 or 0
end
redis.call('HSET', KEYS[2], 'status', ARGV[2])
local read, meta = pcall(cjson.decode, redis.call('HGET', KEYS[2], 'meta') or '')
if read and meta.account then redis.call('ZREM', ARGV[4] .. meta.account, ARGV[1]) end
redis.call('XADD', KEYS[3], '*', unpack(ARGV, 5))
redis.call('EXPIRE', KEYS[2], ARGV[3])
redis.call('EXPIRE', KEYS[3], ARGV[3])
return 1
"""


class QueueFull(Exception):
    """The queue is at its limit; nothing was accepted."""


@dataclass(frozen=True)
class JobRequest:
    """What a face asks for: `echo` is what it needs back to render the answer, `smallest` the least sides accepted.

    `smallest` is (longer side, shorter side) in pixels. `lookup`: registers are asked for the plates' vehicles, where
    the operator named some.
    """

    account: str
    face: str
    options: Options = field(default_factory=Options)
    echo: Mapping[str, Any] = field(default_factory=dict)
    smallest: tuple[int, int] | None = None
    lookup: bool = False


@dataclass(frozen=True)
class JobState:
    """A job as its owner sees it: `outcome` is there when it ended.

    `state` is queued, started, finished, failed or cancelled.
    """

    id: str
    state: str
    account: str
    face: str
    options: Options
    echo: Mapping[str, Any]
    created: datetime
    outcome: Outcome | None


class Jobs:
    """The jobs in one Redis. Every method may raise redis.RedisError when the store cannot be reached."""

    def __init__(self, store: Client, waiting: Client, blobs: Blobs, settings: Settings) -> None:
        """`waiting` is a client whose socket timeout is longer than the sync window (store.connect_waiting)."""
        self._store = store
        self._waiting = waiting
        self._blobs = blobs
        self._settings = settings
        self._queue = Queue(QUEUE, connection=store, serializer=JSONSerializer)
        self._cancel = store.register_script(_CANCEL)
        self._usage = Usage(store)
        self._waiting_jobs = 0
        self._looked = float("-inf")

    def admit(self, account: str, number: int, calls: int | None) -> list[str]:
        """Ids for `number` new jobs, each with one of the account's `calls` of this month reserved, unless it is None.

        Raises QuotaUsedUp when fewer are left. A call whose job is never queued is given back after a while.
        """
        job_ids = [uuid.uuid4().hex for _ in range(number)]
        if calls is not None and job_ids:
            now = datetime.now(UTC)
            # The picture ends the job's wait: nothing is read, and so counted, after it is gone.
            lifetime = self._settings.blob_ttl + self._settings.job_timeout + _SECONDS_BESIDE_A_RUN
            if not self._usage.reserve(account, job_ids, calls, now, lifetime):
                raise QuotaUsedUp(self._usage.quota(account, calls, now), number)
        return job_ids

    def give_back(self, account: str, job_ids: Sequence[str]) -> None:
        """Gives back the calls of admitted jobs that will not be submitted."""
        self._usage.give_back(account, job_ids)

    def submit(self, picture: bytes, request: JobRequest, *, calls: int | None = None, job_id: str = "") -> str:
        """Keeps the picture and enqueues its recognition; returns the job's id. Raises QueueFull or QuotaUsedUp.

        `job_id` is one that `admit` gave; without, one of the account's `calls` is reserved here.
        """
        if self._length() >= self._settings.queue_limit:
            raise QueueFull
        job_id = job_id or self.admit(request.account, 1, calls)[0]
        self._blobs.put(blob_name(job_id), picture, self._settings.blob_ttl)
        # A duplicate means that the connection broke after Redis took the job, and the client sent it again.
        with contextlib.suppress(DuplicateJobError):
            self._queue.enqueue_call(
                FUNCTION,
                kwargs={
                    "account": request.account,
                    "options": request.options.to_json(),
                    "smallest": list(request.smallest) if request.smallest else None,
                    "lookup": request.lookup,
                },
                timeout=self._settings.job_timeout,
                result_ttl=self._settings.result_ttl,
                failure_ttl=self._settings.result_ttl,
                description="recognise",
                job_id=job_id,
                meta={
                    "account": request.account,
                    "face": request.face,
                    "echo": dict(request.echo),
                    "request_id": current_request(),
                },
                retry=Retry(max=self._settings.job_retries) if self._settings.job_retries else None,
                unique=True,
            )
        self._waiting_jobs += 1
        return job_id

    def cancel(self, job_id: str) -> bool:
        """Ends a job that still waits in the queue, or was cancelled before; False when it is being read or is done."""
        ended = to_json(Failure(CANCELLED, "The job was cancelled before its picture was read. Nothing was counted."))
        kind = Result.Type.SUCCESSFUL
        result = Result(job_id, kind, self._store, return_value=ended, serializer=JSONSerializer).serialize()
        # Whoever takes the id off the queue has the job: a worker, or we.
        cancelled = self._cancel(
            keys=[self._queue.key, Job.key_for(job_id), _result_key(job_id)],
            args=[
                job_id,
                JobStatus.CANCELED.value,
                self._settings.result_ttl,
                RESERVED_PREFIX,
                *(part for field in result.items() for part in field),
            ],
        )
        if cancelled:
            self._blobs.drop(blob_name(job_id))
        return bool(cancelled)

    def _length(self) -> int:
        """The queue's length, at most a quarter of a second old: the limit is a guard, not a count."""
        now = time.monotonic()
        if now - self._looked > 0.25:
            self._waiting_jobs = self._store.llen(self._queue.key)
            self._looked = now
        return self._waiting_jobs

    def wait(self, job_id: str, seconds: float) -> Outcome | None:
        """The job's outcome, None when it is not there after `seconds`.

        A store that goes away meanwhile is waited for like a slow worker: the job was accepted and is not lost.
        """
        ends = time.monotonic() + seconds
        pause = 0.05
        while (left := ends - time.monotonic()) > 0:
            try:
                # Redis takes 0 as "for ever".
                found = self._waiting.xread({_result_key(job_id): "0-0"}, block=max(1, int(left * 1000)))
            except redis.RedisError as error:
                if not is_outage(error):
                    raise
                time.sleep(min(pause, max(0.0, ends - time.monotonic())))
                pause = min(pause * 2, 0.5)
                continue
            if found:
                return _outcome(
                    [
                        Result.restore(job_id, stream_id.decode(), entry, self._waiting, JSONSerializer)
                        for stream_id, entry in reversed(found[0][1])
                    ]
                )
        return None

    def state(self, job_id: str) -> JobState | None:
        """The job with this id, None when there is none or its result's time is over."""
        if not _ID.fullmatch(job_id):
            return None
        try:
            job = Job.fetch(job_id, connection=self._store, serializer=JSONSerializer)
        except NoSuchJobError:
            return None
        if "face" not in job.meta:
            return None
        results = job.results()
        outcome = _outcome(results) if results else None
        return JobState(
            id=job_id,
            state=_state(job, outcome),
            account=job.meta["account"],
            face=job.meta["face"],
            options=Options.from_json(job.kwargs["options"]),
            echo=job.meta["echo"],
            created=job.created_at.astimezone(UTC) if job.created_at.tzinfo else job.created_at.replace(tzinfo=UTC),
            outcome=outcome,
        )


def blob_name(job_id: str, index: int = 0) -> str:
    return f"{job_id}:{index}"


def _result_key(job_id: str) -> str:
    return str(Result.get_key(job_id))  # type: ignore[no-untyped-call]


def _state(job: Job, outcome: Outcome | None) -> str:
    if isinstance(outcome, Failure) and outcome.code == CANCELLED:
        return "cancelled"
    if outcome is not None:
        return "failed" if isinstance(outcome, Failure) else "finished"
    return "started" if job.get_status(refresh=False) == JobStatus.STARTED else "queued"


def _outcome(results: Sequence[Result]) -> Outcome:
    """What the results of a job's runs, newest first, come to."""
    # A second run whose worker died is a failure that takes nothing from what another run has stored.
    for result in results:
        if result.type == Result.Type.SUCCESSFUL and result.return_value is not None:
            return from_json(result.return_value)
    # The reason stands in the worker's log; a trace is nothing for a client.
    return Failure("job_failed", "The recognition failed on the server, also when tried again. Nothing was counted.")
