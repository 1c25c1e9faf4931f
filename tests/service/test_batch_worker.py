"""The batch worker's contract with RQ 3.0: every job of a batch ends right on its own, and all registries agree."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import pytest
import redis
from rq import Queue
from rq.job import Job, JobStatus
from rq.serializers import JSONSerializer

from platehost.blobs import RedisBlobs
from platehost.jobs import QUEUE, JobRequest, Jobs
from platehost.options import Options
from platehost.reading import Failure, Outcome, Reading
from platehost.settings import Settings
from platehost.store import connect_waiting
from platehost.usage import Usage
from tests.service.scripted import Answer, ScriptedReader, plate, run_worker

JPEG = b"\xff\xd8\xff\xe0 picture "
READING = Reading(640, 480, (plate("AB12CDE"),))


@pytest.fixture
def jobs(store: redis.Redis, settings: Settings) -> Jobs:
    return Jobs(store, connect_waiting(settings.redis_url, longest=2), RedisBlobs(store), settings)


@pytest.fixture
def queue(store: redis.Redis) -> Queue:
    return Queue(QUEUE, connection=store, serializer=JSONSerializer)


def submit(jobs: Jobs, count: int) -> list[str]:
    return [jobs.submit(JPEG + str(index).encode(), JobRequest("main", "snapshot")) for index in range(count)]


def outcome(jobs: Jobs, job_id: str) -> Outcome | None:
    state = jobs.state(job_id)
    assert state is not None
    return state.outcome


def calls(store: redis.Redis, jobs: Jobs, job_id: str) -> int:
    state = jobs.state(job_id)
    assert state is not None
    return Usage(store).calls("main", state.created)


def assert_nothing_left(queue: Queue, store: redis.Redis) -> None:
    assert queue.count == 0
    assert queue.started_job_registry.get_job_ids(cleanup=False) == []
    assert queue.intermediate_queue.get_job_ids() == []
    assert store.keys("rq:execution:*") == []


def test_it_drains_the_queue_in_batches(jobs: Jobs, queue: Queue, store: redis.Redis, settings: Settings) -> None:
    job_ids = submit(jobs, 10)
    reader = ScriptedReader(READING)
    run_worker(store, settings, reader)
    assert [len(call) for call in reader.calls] == [4, 4, 2]
    assert [picture for call in reader.calls for picture in call] == [JPEG + str(i).encode() for i in range(10)]
    assert all(outcome(jobs, job_id) == READING for job_id in job_ids)
    assert sorted(queue.finished_job_registry.get_job_ids()) == sorted(job_ids)
    assert calls(store, jobs, job_ids[0]) == 10
    assert_nothing_left(queue, store)


def test_a_bad_picture_in_the_middle_is_a_result_of_its_own(
    jobs: Jobs, queue: Queue, store: redis.Redis, settings: Settings
) -> None:
    job_ids = submit(jobs, 3)
    failure = Failure("corrupt_image", "The data is corrupt.")
    reader = ScriptedReader(READING, failure, READING)
    run_worker(store, settings, reader)
    assert [outcome(jobs, job_id) for job_id in job_ids] == [READING, failure, READING]
    assert len(reader.calls) == 1, "a bad picture is not tried again"
    assert calls(store, jobs, job_ids[0]) == 2, "only readings are counted"
    assert_nothing_left(queue, store)


def test_a_fault_of_the_core_is_tried_again_alone(
    jobs: Jobs, queue: Queue, store: redis.Redis, settings: Settings
) -> None:
    job_ids = submit(jobs, 3)
    reader = ScriptedReader(READING, Failure("inference_failed", "no memory"), READING)
    run_worker(store, settings, reader)
    assert [len(call) for call in reader.calls] == [3, 1]
    assert all(outcome(jobs, job_id) == READING for job_id in job_ids)
    assert calls(store, jobs, job_ids[0]) == 3
    assert_nothing_left(queue, store)


def test_a_call_that_fails_as_a_whole_is_tried_again_one_by_one(
    jobs: Jobs, queue: Queue, store: redis.Redis, settings: Settings
) -> None:
    job_ids = submit(jobs, 3)
    reader = ScriptedReader(RuntimeError("the core is gone"), READING)
    run_worker(store, settings, reader)
    assert [len(call) for call in reader.calls] == [3, 1, 1, 1]
    assert all(outcome(jobs, job_id) == READING for job_id in job_ids)
    assert_nothing_left(queue, store)


def test_a_job_that_always_fails_ends_and_its_waiter_is_told(
    jobs: Jobs, queue: Queue, store: redis.Redis, settings: Settings
) -> None:
    (job_id,) = submit(jobs, 1)
    reader = ScriptedReader(Failure("inference_failed", "a trace of the inside"))
    run_worker(store, settings, reader)
    assert len(reader.calls) == 1 + settings.job_retries
    ended = jobs.wait(job_id, 1)
    assert isinstance(ended, Failure)
    assert ended.code == "job_failed"
    assert "inside" not in ended.message
    assert queue.failed_job_registry.get_job_ids() == [job_id]
    assert calls(store, jobs, job_id) == 0
    assert_nothing_left(queue, store)


def test_too_slow_in_company_is_tried_again_alone_and_then_final(
    jobs: Jobs, store: redis.Redis, settings: Settings
) -> None:
    job_ids = submit(jobs, 2)
    late = Failure("deadline_exceeded", "took too long")
    run_worker(store, settings, ScriptedReader(READING, late, late))
    assert [outcome(jobs, job_id) for job_id in job_ids] == [READING, late]


def test_a_second_run_is_harmless(jobs: Jobs, queue: Queue, store: redis.Redis, settings: Settings) -> None:
    (job_id,) = submit(jobs, 1)
    store.rpush(queue.key, job_id)  # as a client that sent it twice, or a reaper that was too quick
    reader = ScriptedReader(READING)
    run_worker(store, settings, reader)
    store.rpush(queue.key, job_id)
    run_worker(store, settings, reader)
    assert calls(store, jobs, job_id) == 1
    assert outcome(jobs, job_id) == READING
    assert_nothing_left(queue, store)


def test_a_picture_that_is_gone_is_told(jobs: Jobs, store: redis.Redis, settings: Settings) -> None:
    job_ids = submit(jobs, 2)
    store.delete(f"blob:{job_ids[0]}:0")
    run_worker(store, settings, ScriptedReader(READING))
    gone = outcome(jobs, job_ids[0])
    assert isinstance(gone, Failure)
    assert gone.code == "picture_gone"
    assert outcome(jobs, job_ids[1]) == READING


class SlowReader(ScriptedReader):
    """Does `meanwhile` during its first call."""

    def __init__(self, meanwhile: Callable[[], object], *answers: Answer) -> None:
        super().__init__(*answers)
        self._meanwhile: list[Callable[[], object]] = [meanwhile]

    def read(
        self, pictures: Sequence[bytes], options: Sequence[Options], deadline_ms: int | None = None
    ) -> list[Outcome]:
        while self._meanwhile:
            self._meanwhile.pop()()
        return super().read(pictures, options, deadline_ms)


@pytest.mark.parametrize("late", [READING, Failure("inference_failed", "no memory"), RuntimeError("the core is gone")])
def test_what_the_quicker_of_two_runs_stored_stands(
    jobs: Jobs, queue: Queue, store: redis.Redis, settings: Settings, late: Answer
) -> None:
    """The lease of the first run ended, and the job was given to a second while the first still reads."""
    (job_id,) = submit(jobs, 1)

    def second_run() -> None:
        store.rpush(queue.key, job_id)
        run_worker(store, settings, ScriptedReader(READING))

    run_worker(store, settings, SlowReader(second_run, late))
    assert jobs.wait(job_id, 1) == outcome(jobs, job_id) == READING
    assert calls(store, jobs, job_id) == 1
    assert store.get(f"blob:{job_id}:0") is None
    assert_nothing_left(queue, store)


def test_a_run_that_finds_the_picture_gone_keeps_the_reading(
    jobs: Jobs, queue: Queue, store: redis.Redis, settings: Settings
) -> None:
    """The second run starts while the first still reads, and looks for the picture when the first has dropped it."""
    lost, first = submit(jobs, 2)
    store.lrem(queue.key, 0, first)
    store.delete(f"blob:{lost}:0")

    class LateBlobs(RedisBlobs):
        def get(self, name: str) -> bytes | None:
            if name == f"{first}:0" and store.exists(f"blob:{name}"):
                store.rpush(queue.key, first)
                run_worker(store, settings, ScriptedReader(READING))
            return super().get(name)

    store.rpush(queue.key, first)
    run_worker(store, settings, ScriptedReader(READING), LateBlobs(store))
    assert jobs.wait(first, 1) == outcome(jobs, first) == READING
    state = jobs.state(first)
    assert state
    assert state.state == "finished"
    assert calls(store, jobs, first) == 1
    gone = outcome(jobs, lost)
    assert isinstance(gone, Failure), "a job of the same batch whose picture nobody read is told as before"
    assert gone.code == "picture_gone"
    assert_nothing_left(queue, store)


def test_a_job_that_failed_for_good_leaves_no_picture(jobs: Jobs, store: redis.Redis, settings: Settings) -> None:
    (job_id,) = submit(jobs, 1)
    seen: list[bool] = []

    class Watching(ScriptedReader):
        def read(
            self, pictures: Sequence[bytes], options: Sequence[Options], deadline_ms: int | None = None
        ) -> list[Outcome]:
            seen.append(bool(store.exists(f"blob:{job_id}:0")))
            return super().read(pictures, options, deadline_ms)

    run_worker(store, settings, Watching(Failure("inference_failed", "no memory")))
    assert seen == [True] * (1 + settings.job_retries), "every further run finds it"
    assert store.get(f"blob:{job_id}:0") is None


def test_options_reach_the_core(jobs: Jobs, store: redis.Redis, settings: Settings) -> None:
    options = Options(regions=("gb", "us-ca"), threshold_d=0.5, mode="fast", text_formats=("[a-z]{3}",))
    jobs.submit(JPEG, JobRequest("main", "snapshot", options))
    reader = ScriptedReader(READING)
    run_worker(store, settings, reader)
    assert reader.options == [options]


@pytest.mark.parametrize(
    ("size", "refused"),
    [((320, 240), False), ((240, 320), False), ((319, 400), False), ((319, 240), True), ((640, 239), True)],
)
def test_a_face_may_ask_for_a_least_size(
    jobs: Jobs, store: redis.Redis, settings: Settings, size: tuple[int, int], refused: bool
) -> None:
    job_id = jobs.submit(JPEG, JobRequest("main", "npr", smallest=(320, 240)))
    run_worker(store, settings, ScriptedReader(Reading(*size)))
    assert isinstance(outcome(jobs, job_id), Failure) == refused
    assert calls(store, jobs, job_id) == (0 if refused else 1)


def test_a_cancelled_job_is_not_run(jobs: Jobs, queue: Queue, store: redis.Redis, settings: Settings) -> None:
    job_ids = submit(jobs, 2)
    job = Job.fetch(job_ids[0], connection=store, serializer=JSONSerializer)
    job.set_status(JobStatus.CANCELED)
    reader = ScriptedReader(READING)
    run_worker(store, settings, reader)
    assert [len(call) for call in reader.calls] == [1]
    assert_nothing_left(queue, store)
