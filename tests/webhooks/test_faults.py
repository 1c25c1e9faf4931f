"""Dying processes and a restart of Redis: every delivery of an answered recognition arrives."""

from __future__ import annotations

import os
import signal
import time
from dataclasses import replace

import pytest

from platehost.blobs import RedisBlobs
from platehost.jobs import JobRequest, Jobs
from platehost.reading import Reading
from platehost.settings import Settings
from platehost.store import connect_waiting
from platehost.targets import Targets
from tests.service.support import SAMPLE, Processes, wait_until
from tests.webhooks.receiver import Receiver, Reply
from tests.webhooks.storm import ECHO, Outcome, Storm, run

WORKER = "tests.webhooks.scripted_worker"


@pytest.fixture
def processes(own: Processes) -> Processes:
    own.settings |= {"PLATEHOST_WEBHOOK_ALLOW": "127.0.0.0/8", "PLATEHOST_LEASE": "3"}
    return own


@pytest.fixture
def jobs(processes: Processes) -> Jobs:
    store = processes.server.client()
    waiting = connect_waiting(processes.server.url, longest=30)
    return Jobs(store, waiting, RedisBlobs(store), Settings(redis_url=processes.server.url))


def recognise(jobs: Jobs, count: int) -> list[str]:
    request = JobRequest("main", "snapshot", echo=ECHO)
    job_ids = [jobs.submit(SAMPLE.read_bytes(), request) for _ in range(count)]
    assert all(isinstance(jobs.wait(job_id, 30), Reading) for job_id in job_ids)
    return job_ids


def ids(receiver: Receiver) -> set[str]:
    return {each.headers["webhook-id"] for each in list(receiver.received)}


def test_a_storm_with_dying_processes_loses_nothing(processes: Processes) -> None:
    storm = Storm(recognitions=40, good=4, hanging=1, failing=1, kills=2, per_second=10)
    outcome = run(storm, processes, WORKER)
    assert outcome.recognised == 40
    assert (outcome.arrived, outcome.lost, outcome.astray) == (160, 0, 0)


def test_a_storm_that_lost_something_says_so() -> None:
    whole = Outcome(500, 500, 7500, 7500, 0, 0, 3, 0.2, 0.9, 1.5, 5)
    assert whole.faults() == []
    assert whole.verdict().startswith("PASSED: 500 recognitions; 7500 of 7500 deliveries")
    for change, words in (
        ({"lost": 1, "arrived": 7499}, "1 of 7500 deliveries to good targets were lost"),
        ({"astray": 2}, "2 deliveries to bad targets"),
        ({"recognised": 499}, "1 of 500 recognitions never ended"),
        ({"median_delay": 1.0}, "median delay was 1.0 s"),
        ({"median_delay": None}, "median delay"),
    ):
        verdict = replace(whole, **change).verdict()
        assert verdict.startswith("FAILED: ")
        assert words in verdict


def test_a_request_in_flight_when_its_process_dies_is_made_again(
    processes: Processes, jobs: Jobs, receiver: Receiver
) -> None:
    receiver.reply = lambda received: Reply(hang=60)
    target = Targets(processes.server.client()).add("main", receiver.url)
    processes.start(WORKER)
    processes.start("webhooks")
    (job_id,) = recognise(jobs, 1)
    wait_until(lambda: receiver.received, 15, "the request is in flight")
    processes.kill("webhooks")
    receiver.reply = lambda received: Reply()
    processes.start("webhooks")
    wait_until(lambda: len(receiver.received) == 2, 15, "it is made again")
    assert ids(receiver) == {f"msg_{job_id}_{target.id}"}


def test_a_stopped_process_finishes_what_is_in_flight(processes: Processes, jobs: Jobs, receiver: Receiver) -> None:
    receiver.reply = lambda received: Reply(hang=2)
    Targets(processes.server.client()).add("main", receiver.url)
    processes.start(WORKER)
    processes.start("webhooks")
    recognise(jobs, 1)
    wait_until(lambda: receiver.received, 15, "the request is in flight")
    assert processes.stop("webhooks") == 0
    processes.start("webhooks")
    time.sleep(4)
    assert len(receiver.received) == 1


@pytest.mark.parametrize("end", ["stopped", "killed"])
def test_deliveries_survive_a_restart_of_redis(end: str, processes: Processes, jobs: Jobs, receiver: Receiver) -> None:
    receiver.close()  # nobody listens yet: everything waits
    processes.settings["PLATEHOST_WEBHOOK_RETRIES"] = ",".join(["1"] * 60)
    targets = Targets(processes.server.client())
    target = targets.add("main", receiver.url)
    processes.start(WORKER)
    processes.start("webhooks")
    job_ids = recognise(jobs, 5)
    time.sleep(1.5)  # the append-only file is written every second
    if end == "killed":
        os.kill(processes.server.client().info("server")["process_id"], signal.SIGKILL)
    processes.server.stop()
    time.sleep(1)
    processes.server.start()
    again = Receiver(port=receiver.port)
    try:
        expected = {f"msg_{job_id}_{target.id}" for job_id in job_ids}
        wait_until(lambda: ids(again) == expected, 30, "every delivery arrives")
        assert processes.alive() == {WORKER: True, "webhooks": True}
    finally:
        again.close()


def test_two_processes_share_the_work(processes: Processes, jobs: Jobs, receiver: Receiver) -> None:
    target = Targets(processes.server.client()).add("main", receiver.url)
    processes.start(WORKER)
    processes.start("webhooks")
    processes.start("webhooks", "second webhooks")
    job_ids = recognise(jobs, 30)
    wait_until(lambda: len(ids(receiver)) == 30, 20, "every delivery arrives")
    assert ids(receiver) == {f"msg_{job_id}_{target.id}" for job_id in job_ids}
    assert len(receiver.received) == 30
