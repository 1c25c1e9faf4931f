"""A webhooks process inside the test: what is due is delivered by `deliver`, step by step, at a clock of the test's."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import Any

import redis

from platehost.address_guard import AddressGuard
from platehost.blobs import RedisBlobs
from platehost.deliveries import Attempt, Deliveries
from platehost.jobs import JobRequest, Jobs
from platehost.options import Options
from platehost.outbound import Outbound
from platehost.reading import Candidate, Outcome, Plate, Reading, Region, Vehicle
from platehost.settings import Settings
from platehost.store import connect_waiting
from platehost.targets import Target, Targets
from tests.service.scripted import ScriptedReader, run_worker
from webhooks.courier import Courier
from webhooks.dispatcher import Dispatcher
from webhooks.mail import Notices

JPEG = b"\xff\xd8\xff\xe0 picture"

READING = Reading(
    640,
    480,
    (
        Plate(
            box=(100.4, 200.6, 180.2, 230.5),
            dscore=0.91,
            text="AB12CDE",
            score=0.98,
            candidates=(Candidate("AB12CDE", 0.98),),
            region=Region("gb", 0.9),
            vehicle=Vehicle("Sedan", 0.8, (50.0, 100.0, 300.0, 300.0)),
        ),
    ),
)


class Office:
    """`now` is moved by tests; nothing waits for real time but requests."""

    def __init__(self, store: redis.Redis, settings: Settings, **changes: Any) -> None:
        self.settings = replace(
            settings, **{"webhook_allow": "127.0.0.0/8", "webhook_timeout": 5.0, "lease": 30, **changes}
        )
        self.store = store
        self.now = time.time()
        self.targets = Targets(store)
        self.blobs = RedisBlobs(store)
        self.deliveries = Deliveries(store, self.settings, self.clock)
        self.outbound = Outbound(AddressGuard.from_setting(self.settings.webhook_allow), idle=4)
        self.notices = Notices(store, self.targets, self.settings, self.clock)
        courier = Courier(
            self.deliveries, self.targets, self.blobs, self.outbound, self.notices, self.settings, self.clock
        )
        self.courier = courier
        self.dispatcher = Dispatcher(self.deliveries, courier.carry, self.settings)
        self.jobs = Jobs(store, connect_waiting(settings.redis_url, longest=2), self.blobs, self.settings)

    def clock(self) -> float:
        return self.now

    def add(self, url: str, **fields: Any) -> Target:
        return self.targets.add("main", url, **fields)

    def recognise(
        self, outcome: Outcome = READING, *, picture: bytes = JPEG, options: Options | None = None, **echo: Any
    ) -> str:
        """One job through the real queue and worker, with a scripted core; returns its id."""
        fields = {"filename": "1617_7M83K_car.jpg", "camera_id": None, "timestamp": "2026-05-01T10:11:12.131415Z"}
        request = JobRequest("main", "snapshot", options or Options(), {**fields, **echo})
        job_id = self.jobs.submit(picture, request)
        # A worker's clock is the real one: what it makes is due by the test's.
        self.now = max(self.now, time.time() + 0.001)
        run_worker(self.store, self.settings, ScriptedReader(outcome))
        self.now = max(self.now, time.time() + 0.001)
        return job_id

    def deliver(self) -> None:
        """Makes the attempts that are due, until nothing is."""
        while True:
            self.dispatcher.look()
            if not self.dispatcher.finish(20):
                raise AssertionError("an attempt did not end")
            if not self.deliveries.due_targets() or not self._takes_something():
                return

    def _takes_something(self) -> bool:
        before = {each: self.deliveries.attempts(each) for each in self.deliveries.due_targets()}
        self.dispatcher.look()
        self.dispatcher.finish(20)
        return any(self.deliveries.attempts(each) != known for each, known in before.items())

    def attempts(self, target: Target) -> list[Attempt]:
        """Oldest first."""
        return self.deliveries.attempts(target.id)[::-1]
