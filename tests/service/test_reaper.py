"""Jobs of dead workers go back to the queue, whatever state their worker left them in."""

from __future__ import annotations

import dataclasses

import pytest
import redis
from rq import Queue
from rq.job import Job
from rq.registry import StartedJobRegistry
from rq.serializers import JSONSerializer

from platehost.blobs import RedisBlobs
from platehost.deliveries import Deliveries
from platehost.jobs import QUEUE, JobRequest, Jobs, blob_name
from platehost.patience import Patience
from platehost.reading import Failure, Reading
from platehost.settings import Settings
from platehost.store import connect_waiting
from platehost.targets import Targets
from platehost.usage import Usage
from tests.service.scripted import ScriptedReader, run_worker
from webhooks import reaper
from worker.batch_worker import BatchWorker

JPEG = b"\xff\xd8\xff"


@pytest.fixture
def jobs(store: redis.Redis, settings: Settings) -> Jobs:
    return Jobs(store, connect_waiting(settings.redis_url, longest=2), RedisBlobs(store), settings)


@pytest.fixture
def queue(store: redis.Redis) -> Queue:
    return Queue(QUEUE, connection=store, serializer=JSONSerializer)


@pytest.fixture
def watch(store: redis.Redis, settings: Settings) -> reaper.Reaper:
    return reaper.Reaper(store, RedisBlobs(store), Deliveries(store, settings))


def dying_worker(store: redis.Redis, settings: Settings) -> BatchWorker:
    return BatchWorker(store, ScriptedReader(), RedisBlobs(store), Usage(store), settings, Patience())


def start(store: redis.Redis, queue: Queue, worker: BatchWorker) -> Job:
    """A job as a worker leaves it that dies during its core call."""
    taken = Queue.dequeue_any([queue], None, connection=store, serializer=JSONSerializer)
    assert taken
    worker.prepare_execution(taken[0])
    worker.prepare_job_execution(taken[0], True)
    return taken[0]


def expire_leases(store: redis.Redis) -> None:
    registry = StartedJobRegistry(QUEUE, connection=store)
    for entry in store.zrange(registry.key, 0, -1):
        store.zadd(registry.key, {entry: 1})


def test_a_started_job_is_done_again_and_in_the_end_fails(
    jobs: Jobs, queue: Queue, store: redis.Redis, settings: Settings, watch: reaper.Reaper
) -> None:
    job_id = jobs.submit(JPEG, JobRequest("main", "snapshot"))
    blobs = RedisBlobs(store)
    for _ in range(1 + settings.job_retries):
        assert blobs.get(blob_name(job_id)) == JPEG
        start(store, queue, dying_worker(store, settings))
        watch.sweep()
        assert queue.get_job_ids() == [], "its lease still holds"
        expire_leases(store)
        watch.sweep()
    assert queue.get_job_ids() == []
    outcome = jobs.wait(job_id, 1)
    assert isinstance(outcome, Failure)
    assert outcome.code == "job_failed"
    assert blobs.get(blob_name(job_id)) is None, "nobody will read it"


def test_a_reading_stands_when_the_worker_of_a_second_run_died(
    jobs: Jobs, queue: Queue, store: redis.Redis, settings: Settings, watch: reaper.Reaper
) -> None:
    """Two workers had taken the job: one stored its reading, then the other started it and died."""
    target = Targets(store).add("main", "https://example.com/hook", image="original")
    settings = dataclasses.replace(settings, job_retries=0)
    job_id = Jobs(store, store, RedisBlobs(store), settings).submit(JPEG, JobRequest("main", "snapshot"))
    taken = Queue.dequeue_any([queue], None, connection=store, serializer=JSONSerializer)
    assert taken
    store.rpush(queue.key, job_id)
    reading = Reading(640, 480)
    run_worker(store, settings, ScriptedReader(reading))
    late = dying_worker(store, settings)
    late.prepare_execution(taken[0])
    late.prepare_job_execution(taken[0], True)
    expire_leases(store)
    watch.sweep()
    assert store.xlen(f"rq:results:{job_id}") == 2, "the reading, then the failure"
    assert jobs.wait(job_id, 1) == reading
    state = jobs.state(job_id)
    assert state
    assert (state.state, state.outcome) == ("finished", reading)
    assert Deliveries(store, settings).get(f"msg_{job_id}_{target.id}")
    assert RedisBlobs(store).get(blob_name(job_id)) == JPEG, "its delivery needs the picture"


def test_a_job_whose_worker_died_is_run_alone(
    jobs: Jobs, queue: Queue, store: redis.Redis, settings: Settings, watch: reaper.Reaper
) -> None:
    """It may be the reason: in company it would take others with it, again and again."""
    jobs.submit(JPEG, JobRequest("main", "snapshot"))
    start(store, queue, dying_worker(store, settings))
    expire_leases(store)
    jobs.submit(JPEG, JobRequest("main", "snapshot"))
    watch.sweep()
    jobs.submit(JPEG, JobRequest("main", "snapshot"))
    reader = ScriptedReader(Reading(640, 480))
    run_worker(store, settings, reader)
    assert [len(call) for call in reader.calls] == [1, 1, 1]


def test_a_job_that_was_taken_but_not_started_is_queued_again(
    jobs: Jobs,
    queue: Queue,
    store: redis.Redis,
    settings: Settings,
    watch: reaper.Reaper,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    job_id = jobs.submit(JPEG, JobRequest("main", "snapshot"))
    assert Queue.dequeue_any([queue], None, connection=store, serializer=JSONSerializer)
    watch.sweep()
    assert queue.get_job_ids() == [], "a living worker may be about to start it"
    monkeypatch.setattr(reaper, "SECONDS_BETWEEN_TAKING_AND_STARTING", 0)
    watch.sweep()
    assert queue.get_job_ids() == [job_id]
    assert queue.intermediate_queue.get_job_ids() == []
    run_worker(store, settings, ScriptedReader(Reading(640, 480)))
    assert jobs.wait(job_id, 1) == Reading(640, 480)


def test_a_job_that_its_worker_started_meanwhile_is_left_alone(
    jobs: Jobs,
    queue: Queue,
    store: redis.Redis,
    settings: Settings,
    watch: reaper.Reaper,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    jobs.submit(JPEG, JobRequest("main", "snapshot"))
    start(store, queue, dying_worker(store, settings))
    monkeypatch.setattr(reaper, "SECONDS_BETWEEN_TAKING_AND_STARTING", 0)
    watch.sweep()
    assert queue.get_job_ids() == []
