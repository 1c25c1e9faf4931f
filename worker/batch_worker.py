"""An RQ worker that reads everything already queued, up to a batch, in one call of the core, in its own process.

It leans on `_finalize_success` and `_finalize_failure` of RQ 3.0 (hence the pin); tests/service/test_batch_worker.py is
the contract.
"""

from __future__ import annotations

import logging
import signal
import threading
import time
from collections.abc import Sequence
from datetime import UTC
from functools import partial
from types import FrameType
from typing import Any

from rq import Queue
from rq.exceptions import DequeueTimeout, StopRequested
from rq.executions import Execution
from rq.job import Job, JobStatus
from rq.results import Result
from rq.serializers import JSONSerializer
from rq.utils import now
from rq.worker import SimpleWorker, WorkerStatus

from platehost import metrics
from platehost.blobs import Blobs
from platehost.deliveries import Deliveries, event_of
from platehost.jobs import QUEUE, blob_name
from platehost.patience import Patience
from platehost.reading import Reading, from_json, to_json
from platehost.recent import Recent
from platehost.settings import Settings
from platehost.store import Client, RedisError
from platehost.usage import RESERVED_PREFIX, Usage
from worker.late_jobs import LateJob, LateJobs
from worker.lease import Lease
from worker.lookup import Inquiry, Lookups, Wish
from worker.tasks import NoOutcome, Reader, Task, recognise

log = logging.getLogger("worker")

# Seconds that an idle worker sleeps in Redis before it looks whether it was asked to stop.
_IDLE_WAIT = 1


class BatchWorker(SimpleWorker):
    """One queue, one process, one core call a batch. Stops after the batch at hand on SIGTERM or SIGINT."""

    def __init__(
        self,
        connection: Client,
        reader: Reader,
        blobs: Blobs,
        usage: Usage,
        settings: Settings,
        patience: Patience,
        lookups: Lookups | None = None,
    ) -> None:
        super().__init__(
            [Queue(QUEUE, connection=connection, serializer=JSONSerializer)],
            connection=connection,
            serializer=JSONSerializer,
            default_result_ttl=settings.result_ttl,
            worker_ttl=20,
            # Only a second line behind the reaper, which looks every second.
            maintenance_interval=60,
        )
        self.spent = False
        self._reader = reader
        self._blobs = blobs
        self._usage = usage
        self._settings = settings
        self._patience = patience
        self._deliveries = Deliveries(connection, settings)
        self._recent = Recent(connection, settings)
        self._ended: Job | None = None
        self._event: tuple[Job, str] | None = None
        self._handled = 0
        self._run_before: set[str] = set()
        self._lookups = lookups
        self._late = LateJobs(lookups.seconds if lookups else 0)
        # Jobs that waited for registers end in another thread than the batch at hand.
        self._settling = threading.RLock()

    def get_heartbeat_ttl(self, job: Job, working_time: float = 0.0) -> int:
        return self._settings.lease

    def subscribe(self) -> None:
        """No remote commands, hence no thread that must survive restarts of Redis."""

    def unsubscribe(self) -> None:
        """See `subscribe`."""

    def handle_execution_ended(self, job: Job, queue: Queue, heartbeat_ttl: int) -> None:
        """Only takes the time: the lease is the job's sign of life, and every trip to the store delays an answer."""
        job.ended_at = now()

    def increment_successful_job_count(self, pipeline: Any = None) -> None:
        """Also enqueues the deliveries and gives back a call that was not counted.

        RQ calls this in the transaction that stores a job's result.
        """
        super().increment_successful_job_count(pipeline)
        if pipeline is not None and self._ended:
            pipeline.zrem(RESERVED_PREFIX + self._ended.kwargs["account"], self._ended.id)
        if pipeline is not None and self._event:
            job, event = self._event
            self._deliveries.enqueue(pipeline, job.id, job.kwargs["account"], event, blob_name(job.id))

    def request_stop(self, signum: int, frame: FrameType | None) -> None:
        """Only takes note: RQ's own would talk to Redis inside the signal handler, or drop a job just taken."""
        self._shutdown_requested_date = now()
        self._stop_requested = True
        self._patience.end()
        signal.signal(signal.SIGINT, self.request_force_stop)
        signal.signal(signal.SIGTERM, self.request_force_stop)

    def teardown(self) -> None:
        """However the loop ends, the jobs that wait for registers end first."""
        self._late.finish()
        super().teardown()  # type: ignore[no-untyped-call]

    def dequeue_job_and_maintain_ttl(
        self, timeout: int | None, max_idle_time: int | None = None
    ) -> tuple[Job, Queue] | None:
        """The next job; waits in short steps so that a stop never falls between taking a job and starting it.

        `timeout` None (burst mode) returns None when the queue is empty. Raises StopRequested.
        """
        self.set_state(WorkerStatus.IDLE)
        while not self._stop_requested:
            self.spent = 0 < self._settings.worker_max_jobs <= self._handled
            if self.spent:
                break
            self._be_known()
            self.heartbeat()
            if self.should_run_maintenance_tasks:
                self.run_maintenance_tasks()  # type: ignore[no-untyped-call]
            try:
                return self._take(_IDLE_WAIT if timeout else None)
            except DequeueTimeout:
                continue
        raise StopRequested

    def _be_known(self) -> None:
        """Registers this worker again where it was taken for dead: a host that was cut off comes back with its name."""
        if not self.connection.hexists(self.key, "birth"):
            self.connection.delete(self.key)
            self.register_birth()  # type: ignore[no-untyped-call]

    def execute_job(self, job: Job, queue: Queue) -> None:
        """Runs `job` and what is queued behind it as one batch; jobs that were run before are run alone."""
        jobs = self._drain(job, queue)
        started: list[tuple[Job, Execution]] = []
        for each in jobs:
            execution = self.prepare_execution(each)
            self.prepare_job_execution(each, True)
            started.append((each, execution))
        if started:
            # A job that its worker did not survive may be the reason: alone, it takes no others with it.
            together = [pair for pair in started if pair[0].id not in self._run_before]
            batches = [together] if together else []
            batches += [[pair] for pair in started if pair[0].id in self._run_before]
            limit = self._settings.job_timeout
            with Lease(self, started, seconds=self._settings.lease, longest=limit * len(batches) + 5):
                for batch in batches:
                    self._run(batch, queue)
        self._handled += len(jobs)
        self._run_before.clear()
        self.set_state(WorkerStatus.IDLE)

    def _take(self, timeout: int | None) -> tuple[Job, Queue] | None:
        taken = self.queue_class.dequeue_any(
            self.queues,
            timeout,
            connection=self.connection,
            job_class=self.job_class,
            serializer=self.serializer,
            death_penalty_class=self.death_penalty_class,
        )
        if taken:
            job = taken[0]
            job.redis_server_version = self.get_redis_server_version()  # type: ignore[no-untyped-call]
            # Starting the job overwrites this trace of an earlier run.
            if job.started_at is not None:
                self._run_before.add(job.id)
        return taken

    def _drain(self, first: Job, queue: Queue) -> list[Job]:
        """The first job and what is queued behind it. A job that was run before ends the batch."""
        jobs: list[Job] = []
        taken: tuple[Job, Queue] | None = (first, queue)
        while taken:
            job = taken[0]
            if job.get_status(refresh=False) in (JobStatus.QUEUED, JobStatus.STARTED):
                jobs.append(job)
                if job.id in self._run_before:
                    break
            else:
                # Queued twice and finished meanwhile, or cancelled: its result stands.
                queue.intermediate_queue.remove(job.id)
            if len(jobs) >= self._settings.batch_size:
                break
            taken = self._take(None)
        return jobs

    def _run(self, batch: list[tuple[Job, Execution]], queue: Queue) -> None:
        begun = time.perf_counter()
        outcomes = self._outcomes([job for job, _ in batch])
        core_done = time.perf_counter()
        metrics.count_batch(len(batch), core_done - begun)
        failed = 0
        wishes: list[tuple[Job, Execution, Wish]] = []
        for (job, execution), outcome in zip(batch, outcomes, strict=True):
            if wish := self._wish(job, outcome):
                wishes.append((job, execution, wish))
            else:
                failed += self._settle(job, queue, execution, outcome)
        # Last, so that those that need no register do not wait even for the look at what is known.
        waiting = self._settle_with_registers(wishes, queue)
        log.info(
            "batch",
            extra={
                "fields": {
                    "jobs": len(batch),
                    "failed": failed,
                    "waiting": waiting,
                    "job_ids": [job.id for job, _ in batch],
                    "request_ids": [request_of(job) for job, _ in batch],
                    "read_ms": round((core_done - begun) * 1000, 1),
                    "store_ms": round((time.perf_counter() - core_done) * 1000, 1),
                }
            },
        )

    def _settle(self, job: Job, queue: Queue, execution: Execution, outcome: Any) -> bool:
        """Stores what became of a job, in whichever thread; True when its run failed."""
        with self._settling:
            job.started_at = execution.created_at
            earlier = None if isinstance(outcome, dict) and "reading" in outcome else _stored(job)
            if earlier is not None:
                # Another run of this job was quicker and dropped the picture: what it stored stands. It has counted
                # and told.
                self._finalize_success(job, queue, execution, earlier)
            elif isinstance(outcome, Exception):
                self._fail(job, queue, execution, outcome)
                return True
            else:
                self._finish(job, queue, execution, outcome)
                _count(job, outcome)
            return False

    def _fail(self, job: Job, queue: Queue, execution: Execution, error: Exception) -> None:
        metrics.count_retry()
        log.warning(
            "a run failed", extra={"fields": {"job_id": job.id, "request_id": request_of(job), "error": str(error)}}
        )
        self._finalize_failure(job, queue, execution, (type(error), error, error.__traceback__))
        # Asked of the store: where the failure could not be written, the job will be run again.
        if job.get_status() == JobStatus.FAILED:
            self._usage.give_back(job.kwargs["account"], [job.id])
            self._blobs.drop(blob_name(job.id))

    def _wish(self, job: Job, outcome: Any) -> Wish | None:
        """What a job wants to know of registers, None when nothing: only some APIs have a place for it."""
        if not self._lookups or not job.kwargs.get("lookup") or not isinstance(outcome, dict):
            return None
        reading = from_json(outcome)
        if not isinstance(reading, Reading) or not reading.plates:
            return None
        return Wish(reading, job.kwargs["options"]["regions"])

    def _settle_with_registers(self, wishes: Sequence[tuple[Job, Execution, Wish]], queue: Queue) -> int:
        """Ends the jobs whose registers have nothing more to say; the others end later. Returns how many those are."""
        if not self._lookups or not wishes:
            return 0
        late: list[LateJob] = []
        started: list[tuple[Job, Execution]] = []
        for (job, execution, _), inquiry in zip(
            wishes, self._lookups.begin([each for *_, each in wishes]), strict=True
        ):
            if inquiry.done:
                self._settle(job, queue, execution, to_json(inquiry.reading()))
            else:
                late.append(LateJob(inquiry, partial(self._settle_late, job, queue, execution, inquiry)))
                started.append((job, execution))
        if late:
            longest = self._lookups.seconds + 5
            self._late.hold(late, Lease(self, started, seconds=self._settings.lease, longest=longest))
        return len(late)

    def _settle_late(self, job: Job, queue: Queue, execution: Execution, inquiry: Inquiry) -> None:
        if self._lookups:
            self._lookups.count_late(inquiry)
        self._settle(job, queue, execution, to_json(inquiry.reading()))

    def _outcomes(self, jobs: list[Job]) -> list[Any]:
        """Per job the stored form of its outcome, or the exception that it failed with."""
        try:
            tasks = [Task.of(job.id, job.kwargs) for job in jobs]
            outcomes = recognise(self._reader, self._blobs, tasks, self._settings.job_timeout)
        except Exception as error:
            log.exception("a batch failed as a whole")
            return [error] * len(jobs)
        return [each if isinstance(each, NoOutcome) else to_json(each) for each in outcomes]

    def _finish(self, job: Job, queue: Queue, execution: Execution, outcome: dict[str, Any]) -> None:
        # Counted before the result is out: a worker that dies in between leaves a counted job, and its second run
        # counts nothing. The picture goes last: until the result is stored, a second run would need it.
        if "reading" in outcome:
            self._usage.count(job.kwargs["account"], job.id, job.created_at)
            echo, reading = job.meta.get("echo") or {}, outcome["reading"]
            self._event = (
                job,
                event_of(job.id, job.kwargs["account"], job.kwargs["options"], echo, reading, request_of(job)),
            )
        self._ended = job
        try:
            self._finalize_success(job, queue, execution, outcome)
        finally:
            told, self._event, self._ended = self._event, None, None
        picture = blob_name(job.id)
        if told and self._recent.is_on:
            self._keep(job, outcome)
        if told and self._deliveries.wants_picture(picture):
            self._blobs.keep(picture, self._settings.webhook_picture_ttl)
        else:
            self._blobs.drop(picture)

    def _keep(self, job: Job, outcome: dict[str, Any]) -> None:
        """Keeps a reading for people to search: the answer is out by now, and is worth more than this."""
        try:
            reading, camera = from_json(outcome), (job.meta.get("echo") or {}).get("camera_id") or ""
            if isinstance(reading, Reading):
                picture = self._blobs.get(blob_name(job.id)) if reading.plates else None
                created = job.created_at if job.created_at.tzinfo else job.created_at.replace(tzinfo=UTC)
                self._recent.add(job.kwargs["account"], job.id, reading, picture, camera, created)
        except RedisError as error:
            log.warning("a reading could not be kept", extra={"fields": {"job_id": job.id, "error": str(error)}})


def _count(job: Job, outcome: dict[str, Any]) -> None:
    if "reading" in outcome:
        metrics.count_picture(outcome["reading"]["timings"], len(outcome["reading"]["plates"]))
    else:
        metrics.count_failure(outcome["failure"]["code"])
    if job.enqueued_at and job.started_at:
        total = (now() - job.created_at).total_seconds() if job.created_at else 0.0
        metrics.count_wait((job.started_at - job.enqueued_at).total_seconds(), total)


def request_of(job: Job) -> str:
    """The id of the request that a job came with, empty for none."""
    return str(job.meta.get("request_id") or "")


def _stored(job: Job) -> dict[str, Any] | None:
    """The outcome that a run of `job` has stored, None while there is none."""
    stored = [each.return_value for each in job.results() if each.type == Result.Type.SUCCESSFUL]
    return stored[0] if stored else None
