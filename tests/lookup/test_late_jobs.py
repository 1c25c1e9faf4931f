"""Registers hold up nobody but who asked for them, and those for no longer than the limit."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
import redis
from rq import Queue
from rq.serializers import JSONSerializer

from platehost.jobs import QUEUE
from platehost.settings import Settings
from platehost.targets import Targets
from platehost.usage import Usage
from tests.lookup.registers import Dvla, Rdw
from tests.lookup.test_lookups import CITIGO, FORD, answer_key, counted
from tests.lookup.workplace import Workplace, WrittenReader
from tests.service.support import wait_until
from tests.service.test_batch_worker import assert_nothing_left

# Nothing here may wait so long: a job or a batch that did would show up in the wrong order.
FOREVER = 120.0


@pytest.fixture
def hanging(store: redis.Redis, asking: Settings, dvla: Dvla) -> Workplace:
    """DVLA says nothing, and jobs would wait for it for ever; batches are of two."""
    dvla.gate.clear()
    return Workplace(store, replace(asking, lookup_timeout=FOREVER, lookup_provider_timeout=FOREVER, batch_size=2))


def test_no_other_job_and_no_batch_waits_for_a_register(hanging: Workplace, dvla: Dvla) -> None:
    asking = hanging.submit("AA19AAA gb")
    beside = hanging.submit("AA19AAA gb", lookup=False)
    after = [hanging.submit("AA19EEE gb", lookup=False), hanging.submit("MAB123 de")]
    last = hanging.submit("AB12CDE gb", lookup=False)
    seen: list[tuple[bool, ...]] = []

    def look() -> None:
        seen.append(tuple(map(hanging.ended, (asking, beside, *after))))

    def look_and_open() -> None:
        look()
        dvla.gate.set()

    hanging.run(WrittenReader({1: look, 2: look_and_open}))
    # While the second batch was read, then while the third was.
    assert seen == [(False, True, False, False), (False, True, True, True)]
    assert hanging.registrations(asking) == [FORD]
    assert hanging.registrations(beside) == [None], "an API without a place for it asks nobody"
    assert hanging.ended(last)
    assert_nothing_left(Queue(QUEUE, connection=hanging.store, serializer=JSONSerializer), hanging.store)


def test_one_registers_silence_does_not_hold_up_another_registers_job(hanging: Workplace, dvla: Dvla) -> None:
    british, dutch = hanging.submit("AA19AAA gb"), hanging.submit("11ZKZ3 nl")
    hanging.submit("MAB123 de")
    seen: list[bool] = []

    def look() -> None:
        wait_until(lambda: hanging.ended(dutch), 30, "the Dutch job ends")
        seen.append(hanging.ended(british))
        dvla.gate.set()

    hanging.run(WrittenReader({1: look}))
    assert seen == [False]
    assert hanging.registrations(dutch) == [CITIGO]
    assert hanging.registrations(british) == [FORD]


def test_after_the_limit_a_job_ends_with_what_is_known(
    store: redis.Redis, asking: Settings, dvla: Dvla, rdw: Rdw
) -> None:
    workplace = Workplace(store, replace(asking, lookup_timeout=1.0, lookup_provider_timeout=FOREVER))
    assert workplace.look_up("11ZKZ3 nl") == [CITIGO]
    dvla.gate.clear()
    late = counted("dvla", "late")
    job_id = workplace.submit("AA19AAA gb", "11ZKZ3 nl")
    workplace.run()
    assert workplace.registrations(job_id) == [None, CITIGO]
    assert not dvla.gate.is_set()
    assert len(dvla.requests) == 1
    assert counted("dvla", "late") == late + 1
    dvla.gate.set()
    wait_until(lambda: store.exists(answer_key("dvla", "AA19AAA")), 30, "the late answer is kept")
    assert workplace.look_up("AA19AAA gb") == [FORD], "for the next picture"
    assert len(dvla.requests) == 1


def test_without_a_limit_nobody_waits(store: redis.Redis, asking: Settings, dvla: Dvla) -> None:
    dvla.gate.clear()
    workplace = Workplace(store, replace(asking, lookup_timeout=0.0, lookup_provider_timeout=FOREVER))
    assert workplace.look_up("AA19AAA gb") == [None]


def test_a_waiting_job_keeps_its_lease(store: redis.Redis, asking: Settings, dvla: Dvla) -> None:
    """Otherwise the reaper would give it to another worker, which would ask again."""
    dvla.gate.clear()
    workplace = Workplace(store, replace(asking, lookup_timeout=FOREVER, lookup_provider_timeout=FOREVER, lease=3))
    job_id = workplace.submit("AA19AAA gb")
    workplace.submit("MAB123 de")
    registry = Queue(QUEUE, connection=store, serializer=JSONSerializer).started_job_registry

    def look() -> None:
        first = registry.connection.zscore(registry.key, registry.get_job_ids(cleanup=False)[0])
        assert first is not None

        def renewed() -> bool:
            (score,) = (score for _, score in store.zrange(registry.key, 0, 0, withscores=True))
            return bool(score > first)

        wait_until(renewed, 30, "the lease is renewed")
        dvla.gate.set()

    workplace.settings = replace(workplace.settings, batch_size=1)
    workplace.run(WrittenReader({1: look}))
    assert workplace.registrations(job_id) == [FORD]


def test_too_many_waiting_batches_do_not_wait(hanging: Workplace, dvla: Dvla, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("worker.late_jobs.MOST_BATCHES", 1)
    jobs = [hanging.submit(f"AA{number:02d}AAA gb") for number in range(4)]

    def look() -> None:
        assert [hanging.ended(each) for each in jobs] == [False, False, True, True]
        dvla.gate.set()

    hanging.submit("MAB123 de")
    hanging.run(WrittenReader({2: look}))
    assert all(map(hanging.ended, jobs))


def test_usage_and_deliveries_are_those_of_any_job(hanging: Workplace, store: redis.Redis, dvla: Dvla) -> None:
    Targets(store).add("main", "http://127.0.0.1:9/")
    jobs = [hanging.submit("AA19AAA gb"), hanging.submit("AA19EEE gb"), hanging.submit("MAB123 de")]
    hanging.run(WrittenReader({1: dvla.gate.set}))
    events = [json.loads(store.hget(key, "event")) for key in store.keys("platehost:delivery:*")]
    assert len(events) == 3
    told = {each["job"]: each["reading"]["plates"][0]["registration"] for each in events}
    assert told.keys() == set(jobs)
    assert told[jobs[0]]["make"] == "Ford"
    assert told[jobs[2]] is None
    assert store.keys("blob:*") == [], "their pictures are gone, nobody wants them"
    state = hanging.jobs.state(jobs[0])
    assert state
    assert Usage(store).calls("main", state.created) == 3
