"""Redis restarts and dying workers: nothing is lost, nobody gets a 500, nothing is counted twice."""

from __future__ import annotations

import signal
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime

import requests
from rq import Queue
from rq.registry import StartedJobRegistry
from rq.serializers import JSONSerializer

from platehost.accounts import Accounts
from platehost.jobs import QUEUE
from platehost.usage import Usage
from tests.service.support import SAMPLE_PLATE, Processes, wait_until


def send(own: Processes, key: str, photo: bytes) -> requests.Response:
    return requests.post(
        f"{own.url}/v1/plate-reader/",
        headers={"Authorization": f"Token {key}"},
        files={"upload": ("car.jpg", photo)},
        timeout=40,
    )


def job(own: Processes, key: str, job_id: str) -> dict[str, object]:
    answer = requests.get(f"{own.url}/api/v1/jobs/{job_id}", headers={"Authorization": f"Bearer {key}"}, timeout=10)
    assert answer.status_code == 200, answer.text
    body: dict[str, object] = answer.json()
    return body


def submit(own: Processes, key: str, photo: bytes, count: int) -> list[str]:
    """Job ids; the service must have a sync window of 0."""
    answers = [send(own, key, photo) for _ in range(count)]
    assert {answer.status_code for answer in answers} == {202}
    return [answer.json()["job_id"] for answer in answers]


def wait_finished(own: Processes, key: str, job_ids: list[str], seconds: float) -> None:
    left = set(job_ids)

    def all_finished() -> bool:
        for job_id in list(left):
            state = job(own, key, job_id)
            assert state["state"] != "failed", state
            if state["state"] == "finished":
                assert state["results"][0]["results"][0]["plate"] == SAMPLE_PLATE  # type: ignore[index]
                left.discard(job_id)
        return not left

    wait_until(all_finished, seconds, f"jobs are finished: {left}")


def started_jobs(own: Processes) -> set[str]:
    registry = StartedJobRegistry(QUEUE, connection=own.server.client(), serializer=JSONSerializer)
    return set(registry.get_job_ids(cleanup=False))


def calls(own: Processes) -> int:
    return Usage(own.server.client()).calls("main", datetime.now(UTC))


def test_redis_restarts_with_50_requests_in_flight(own: Processes, photo: bytes) -> None:
    own.start_all()
    key = Accounts(own.server.client()).create_key("faults")
    with ThreadPoolExecutor(50) as clients:
        answers = [clients.submit(send, own, key, photo) for _ in range(50)]
        wait_until(lambda: started_jobs(own), 10, "the worker has begun")
        own.server.stop()
        time.sleep(5)
        own.server.start()
        received = [answer.result() for answer in answers]
    statuses = [answer.status_code for answer in received]
    assert set(statuses) <= {201, 202, 503}, statuses
    assert statuses.count(201) + statuses.count(202) > 0, statuses
    for answer in received:
        if answer.status_code == 201:
            assert answer.json()["results"][0]["plate"] == SAMPLE_PLATE
        if answer.status_code == 503:
            assert int(answer.headers["Retry-After"]) >= 1
            assert answer.json()["status_code"] == 503
    wait_finished(own, key, [each.json()["job_id"] for each in received if each.status_code == 202], 40)
    queue = Queue(QUEUE, connection=own.server.client(), serializer=JSONSerializer)
    wait_until(lambda: not queue.count and not started_jobs(own), 20, "every accepted job is done")
    assert not queue.failed_job_registry.get_job_ids()
    assert own.alive() == {"web": True, "worker": True, "webhooks": True}
    assert send(own, key, photo).status_code == 201


def test_jobs_of_a_killed_worker_are_redone_by_another_and_counted_once(own: Processes, photo: bytes) -> None:
    own.settings |= {"PLATEHOST_SYNC_WINDOW": "0", "PLATEHOST_BATCH_SIZE": "4"}
    own.start_all()
    key = Accounts(own.server.client()).create_key("faults")
    job_ids = submit(own, key, photo, 1)
    wait_finished(own, key, job_ids, 20)  # warm
    job_ids += submit(own, key, photo, 8)
    wait_until(lambda: len(started_jobs(own)) > 1, 10, "a batch is started")
    own.kill("worker")
    killed = time.monotonic()
    abandoned = started_jobs(own)
    assert abandoned, "the worker was killed between two batches"
    own.start("worker", "second worker")
    wait_finished(own, key, job_ids, 15 - (time.monotonic() - killed))
    assert calls(own) == len(job_ids)
    assert own.stop("second worker") == 0


def test_a_worker_that_wakes_up_late_harms_nothing(own: Processes, photo: bytes) -> None:
    own.settings |= {"PLATEHOST_SYNC_WINDOW": "0", "PLATEHOST_LEASE": "3"}
    own.start_all()
    key = Accounts(own.server.client()).create_key("faults")
    job_ids = submit(own, key, photo, 4)
    wait_until(lambda: started_jobs(own), 10, "a batch is started")
    frozen = own.running["worker"]
    frozen.send_signal(signal.SIGSTOP)
    own.start("worker", "second worker")
    wait_finished(own, key, job_ids, 20)
    frozen.send_signal(signal.SIGCONT)
    # Once it finished its late batch it takes new jobs again.
    assert own.stop("second worker") == 0
    job_ids += submit(own, key, photo, 2)
    wait_finished(own, key, job_ids, 20)
    assert calls(own) == len(job_ids)
    assert frozen.poll() is None


def test_a_killed_web_leaves_its_port_to_the_next(own: Processes, photo: bytes) -> None:
    own.start_all()
    key = Accounts(own.server.client()).create_key("faults")
    own.kill("web")
    wait_until(lambda: not own.is_ready(), 5, "nobody serves the port")
    own.start("web")
    own.wait_ready()
    assert send(own, key, photo).status_code == 201


def test_a_stopped_worker_finishes_its_batch(own: Processes, photo: bytes) -> None:
    own.settings |= {"PLATEHOST_SYNC_WINDOW": "0", "PLATEHOST_BATCH_SIZE": "4"}
    own.start_all()
    key = Accounts(own.server.client()).create_key("faults")
    job_ids = submit(own, key, photo, 8)
    wait_until(lambda: started_jobs(own), 10, "a batch is started")
    assert own.stop("worker") == 0
    assert not started_jobs(own)
    assert calls(own) > 0
    own.start("worker")
    wait_finished(own, key, job_ids, 20)
    assert own.stop("webhooks") == 0
    assert own.stop("web") == 0


def test_a_worker_starts_afresh_after_its_jobs_without_a_new_process(own: Processes, photo: bytes) -> None:
    own.settings |= {"PLATEHOST_WORKER_MAX_JOBS": "2", "PLATEHOST_BATCH_SIZE": "1"}
    own.start_all()
    key = Accounts(own.server.client()).create_key("faults")
    for _ in range(5):
        assert send(own, key, photo).status_code in {201, 202}
    wait_until(lambda: own.log("worker").count("starting afresh") >= 2, 20, "two new starts")
    assert own.alive()["worker"]
