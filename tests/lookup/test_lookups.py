"""Answers kept, questions put once, registers left alone: what a worker does with a real Redis and real requests."""

from __future__ import annotations

import threading
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest
import redis

from platehost.metrics import REGISTRY
from platehost.reading import Registration
from platehost.register import Register
from platehost.settings import Settings
from tests.lookup.registers import DOWN, RUBBISH, Dvla, Rdw, Trouble, broken_off
from tests.lookup.workplace import Workplace, WrittenReader
from tests.service.support import wait_until

FORD = Registration("dvla", "Ford", None, "Red", 2019, "petrol")
CITIGO = Registration("rdw", "Skoda", "CITIGO", "Grey", 2013, "petrol")


def counted(register: str, end: str) -> float:
    return REGISTRY.get_sample_value("platehost_lookups_total", {"register": register, "end": end}) or 0.0


def answer_key(register: str, plate: str) -> str:
    return f"platehost:lookup:answer:{register}:{plate}"


def test_each_plate_is_told_by_its_countrys_register(workplace: Workplace, dvla: Dvla, rdw: Rdw) -> None:
    assert workplace.look_up("AA19AAA gb", "11ZKZ3 nl", "MAB123 de", "QQQQQQQQ gb") == [FORD, CITIGO, None, None]
    assert dvla.plates == ["AA19AAA"]
    assert set(rdw.plates) == {"11ZKZ3"}


def test_the_requests_regions_choose(workplace: Workplace, dvla: Dvla) -> None:
    assert workplace.look_up("AA19AAA", regions=["gb"]) == [FORD]
    assert workplace.look_up("AA19EEE") == [None]
    assert dvla.plates == ["AA19AAA"]


def test_the_own_register_comes_first_and_asks_nobody(workplace: Workplace, dvla: Dvla) -> None:
    own = Registration("register", "Lada", "Niva", "green", 1984, "petrol")
    Register(workplace.store).add({"AA19AAA": own, "7XYZ": own})
    assert workplace.look_up("AA19AAA gb", "7XYZ") == [own, own], "whatever the region, and without one"
    assert dvla.requests == []


def test_the_own_register_is_asked_only_where_it_is_named(store: redis.Redis, asking: Settings, dvla: Dvla) -> None:
    Register(store).add({"AA19AAA": Registration("register", "Lada")})
    assert Workplace(store, replace(asking, lookup="gb=dvla")).look_up("AA19AAA gb") == [FORD]


def test_nothing_is_asked_without_the_setting(store: redis.Redis, asking: Settings, dvla: Dvla) -> None:
    Register(store).add({"AA19AAA": Registration("register", "Lada")})
    assert Workplace(store, replace(asking, lookup="")).look_up("AA19AAA gb") == [None]
    assert dvla.requests == []


def test_answers_are_kept_for_days_and_unknown_plates_for_hours(workplace: Workplace, dvla: Dvla, rdw: Rdw) -> None:
    for _ in range(2):
        assert workplace.look_up("AA19AAA gb", "ER19NFD gb", "11ZKZ3 nl") == [FORD, None, CITIGO]
    assert sorted(dvla.plates) == ["AA19AAA", "ER19NFD"]
    assert len(rdw.requests) == 2, "one of each data set"
    known, unknown = (workplace.store.ttl(answer_key("dvla", plate)) for plate in ("AA19AAA", "ER19NFD"))
    assert 3 * 86_400 < known <= workplace.settings.lookup_known_ttl
    assert 3600 < unknown <= workplace.settings.lookup_unknown_ttl < 86_400


def test_a_part_that_could_not_be_had_is_asked_for_again_soon(workplace: Workplace, rdw: Rdw) -> None:
    rdw.fuels_down = True
    assert workplace.look_up("11ZKZ3 nl") == [replace(CITIGO, fuel_type=None)]
    assert workplace.store.ttl(answer_key("rdw", "11ZKZ3")) <= 300


@pytest.mark.parametrize("trouble", [lambda: RUBBISH, lambda: DOWN, broken_off])
def test_failures_are_not_kept(workplace: Workplace, dvla: Dvla, trouble: Trouble) -> None:
    dvla.trouble = trouble
    assert workplace.look_up("AA19AAA gb") == [None]
    dvla.trouble = None
    assert workplace.look_up("AA19AAA gb") == [FORD]


def test_a_plate_that_many_pictures_show_is_asked_for_once(workplace: Workplace, dvla: Dvla) -> None:
    job_ids = [workplace.submit("AA19AAA gb", "AA19AAA gb") for _ in range(9)]
    dvla.gate.clear()
    # The last batch is read while the first waits for the answer.
    workplace.run(WrittenReader({2: dvla.gate.set}))
    assert all(workplace.registrations(job_id) == [FORD, FORD] for job_id in job_ids)
    assert dvla.plates == ["AA19AAA"]


def test_workers_ask_once_together(workplace: Workplace, store: redis.Redis, asking: Settings, dvla: Dvla) -> None:
    """The second worker finds the first asking, and waits for its answer."""
    other = Workplace(store, asking)
    assert workplace.lookups
    assert other.lookups
    dvla.gate.clear()
    first = workplace.lookups._desks["dvla"].ask("AA19AAA")
    assert first
    wait_until(lambda: dvla.requests, 20, "the register is asked")
    second = other.lookups._desks["dvla"].ask("AA19AAA")
    assert second
    asking_key = "platehost:lookup:asking:dvla:AA19AAA"
    assert store.exists(asking_key)
    assert not second.done()
    dvla.gate.set()
    assert (first.result(20), second.result(20)) == (FORD, FORD)
    assert dvla.plates == ["AA19AAA"]
    wait_until(lambda: not store.exists(asking_key), 20, "others may ask again")


def test_requests_at_once_are_few(workplace: Workplace, dvla: Dvla) -> None:
    assert workplace.lookups
    desk = workplace.lookups._desks["dvla"]
    dvla.gate.clear()
    answers = [desk.ask(f"AB{number:02d}AAA") for number in range(80)]
    assert answers.count(None) >= 1, "beyond a length of the queue nothing is asked"
    wait_until(lambda: len(dvla.requests) == 8, 20, "eight requests are in flight")
    assert threading.active_count() < 80
    dvla.gate.set()
    asked = [each for each in answers if each]
    assert all(each.result(30) is None for each in asked)
    assert len(dvla.requests) == len(asked)
    wait_until(lambda: not any(each.name == "lookup-dvla" for each in threading.enumerate()), 20, "threads end")


def test_a_limit_pauses_the_register_for_all_workers(
    workplace: Workplace, store: redis.Redis, asking: Settings, dvla: Dvla, rdw: Rdw
) -> None:
    dvla.limit, dvla.retry_after = 0, "600"
    limited, paused = counted("dvla", "limited"), counted("dvla", "paused")
    assert workplace.look_up("AA19AAA gb") == [None]
    assert 500 < store.ttl("platehost:lookup:paused:dvla") <= 600
    assert workplace.look_up("AA19EEE gb", "11ZKZ3 nl") == [None, CITIGO], "the others are asked"
    assert Workplace(store, asking).look_up("L2WPS gb") == [None]
    assert dvla.plates == ["AA19AAA"]
    assert counted("dvla", "limited") == limited + 1
    assert counted("dvla", "paused") == paused + 2


def test_a_pause_may_be_asked_for_as_a_date(workplace: Workplace, dvla: Dvla) -> None:
    dvla.retry_after = format_datetime(datetime.now(UTC) + timedelta(minutes=10), usegmt=True)
    assert workplace.look_up("ER19MNT gb") == [None]
    assert 400 < workplace.store.ttl("platehost:lookup:paused:dvla") <= 600


def test_a_paused_register_comes_back(workplace: Workplace, dvla: Dvla, caplog: pytest.LogCaptureFixture) -> None:
    dvla.limit, dvla.retry_after = 0, "1"
    assert workplace.look_up("AA19AAA gb") == [None]
    dvla.limit = None
    wait_until(lambda: not workplace.store.exists("platehost:lookup:paused:dvla"), 20, "the pause ends")
    with caplog.at_level("INFO", "worker.lookup"):
        wait_until(lambda: workplace.look_up("AA19AAA gb") == [FORD], 20, "it is asked again")
    assert "a register answers again" in caplog.messages


def test_a_register_that_only_fails_is_left_alone(workplace: Workplace, dvla: Dvla) -> None:
    dvla.trouble = lambda: DOWN
    for plate in ("AA19AAA gb", "AA19EEE gb", "L2WPS gb", "AB12CDE gb", "AB13CDE gb"):
        assert workplace.look_up(plate) == [None]
    assert len(dvla.requests) == 3


def test_logs_tell_the_reason_and_no_plate_or_key(
    workplace: Workplace, dvla: Dvla, caplog: pytest.LogCaptureFixture
) -> None:
    dvla.key = "another"
    with caplog.at_level("DEBUG"):
        assert workplace.look_up("AA19AAA gb") == [None]
    (record,) = (each for each in caplog.records if each.message == "a register is paused")
    fields = vars(record)["fields"]
    assert fields == {"provider": "dvla", "end": "refused", "error": "the key was refused (403)", "seconds": 300.0}
    everything = "".join(str(vars(each)) for each in caplog.records)
    assert workplace.settings.dvla_key not in everything
    assert "AA19AAA" not in everything


def test_a_store_that_is_away_costs_only_the_registers(workplace: Workplace, dvla: Dvla) -> None:
    job_id = workplace.submit("AA19AAA gb")
    assert workplace.lookups
    unreachable = redis.Redis(port=1, socket_connect_timeout=0.1)
    workplace.lookups._register._store = unreachable
    workplace.lookups._cache._store = unreachable
    workplace.run()
    assert workplace.registrations(job_id) == [None]


def test_a_register_that_is_damaged_costs_no_recognition(workplace: Workplace) -> None:
    workplace.store.hset("platehost:register", "AA19AAA", "{")
    assert workplace.look_up("AA19AAA gb") == [None]
