"""From a stored result to the receiver's answer, and what follows from each kind of answer."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from email.utils import formatdate

import pytest
import redis

import webhooks.__main__
from platehost.reading import Failure, Reading
from platehost.settings import Settings
from tests.service.scripted import ScriptedReader, run_worker
from tests.webhooks.office import READING, Office
from tests.webhooks.receiver import Received, Receiver, Reply


@pytest.fixture
def office(store: redis.Redis, settings: Settings) -> Iterator[Office]:
    made = Office(store, settings)
    yield made
    made.outbound.close()


def answering(receiver: Receiver, *replies: Reply) -> None:
    """The replies in order, the last one for ever."""
    left = list(replies)
    receiver.reply = lambda received: left.pop(0) if len(left) > 1 else left[0]


def test_a_recognition_is_delivered_once(office: Office, receiver: Receiver) -> None:
    target = office.add(receiver.url)
    job_id = office.recognise(camera_id="gate 1")
    office.deliver()
    (received,) = receiver.received
    assert received.headers["content-type"] == "application/json"
    assert received.headers["content-length"] == str(len(received.body))
    assert received.headers["webhook-id"] == f"msg_{job_id}_{target.id}"
    body = json.loads(received.body)
    assert body["hook"] == {"target": receiver.url, "id": target.id, "event": "image.done"}
    assert body["data"]["camera_id"] == "gate 1"
    assert body["data"]["results"][0]["plate"] == "ab12cde"
    office.deliver()
    assert len(receiver.received) == 1
    (attempt,) = office.attempts(target)
    assert (attempt.status, attempt.answer, attempt.number, attempt.error) == (200, "ok", 1, "")
    assert office.deliveries.standing(target.id)["ended"] == 1


def test_a_picture_without_plates_is_told_too_a_failure_is_not(office: Office, receiver: Receiver) -> None:
    office.add(receiver.url)
    office.recognise(Reading(640, 480))
    office.recognise(Failure("corrupt_image", "The data is corrupt."))
    office.deliver()
    (received,) = receiver.received
    assert json.loads(received.body)["data"]["results"] == []


def test_only_targets_of_the_account_that_are_on_are_told(office: Office, receiver: Receiver) -> None:
    on, off = office.add(receiver.url), office.add(receiver.url)
    office.targets.add("other", receiver.url)
    assert office.targets.switch_off(off.id, "asked")
    office.recognise()
    office.deliver()
    assert [json.loads(each.body)["hook"]["id"] for each in receiver.received] == [on.id]


def test_a_job_that_is_run_twice_is_told_once(office: Office, receiver: Receiver) -> None:
    office.add(receiver.url)
    job_id = office.recognise()
    office.store.hset(f"rq:job:{job_id}", "status", "queued")
    office.store.rpush("rq:queue:recognise", job_id)
    office.blobs.put(f"{job_id}:0", b"\xff\xd8\xff", 60)
    run_worker(office.store, office.settings, ScriptedReader(READING))
    office.deliver()
    assert len(receiver.received) == 1


@pytest.mark.parametrize("status", [201, 204, 299])
def test_every_2xx_is_success(status: int, office: Office, receiver: Receiver) -> None:
    answering(receiver, Reply(status, b""))
    office.add(receiver.url)
    office.recognise()
    office.deliver()
    office.now += 10 * 24 * 3600
    office.deliver()
    assert len(receiver.received) == 1


@pytest.mark.parametrize("status", [301, 400, 404, 429, 500, 503])
def test_every_other_answer_is_tried_again_until_the_schedule_ends(
    status: int, office: Office, receiver: Receiver
) -> None:
    answering(receiver, Reply(status, headers={"Location": receiver.url}))
    target = office.add(receiver.url)
    office.recognise()
    office.deliver()
    for wait in (5, 300, 1800, 7200, 18000, 36000, 50400, 72000, 86400):
        made = len(receiver.received)
        office.now += wait * 0.79
        office.deliver()
        assert len(receiver.received) == made, "the jitter is a fifth at most"
        office.now += wait * 0.42
        office.deliver()
        assert len(receiver.received) == made + 1
    office.now += 10 * 24 * 3600
    office.deliver()
    assert len(receiver.received) == 10
    assert len({each.headers["webhook-id"] for each in receiver.received}) == 1
    attempts = office.attempts(target)
    assert [each.number for each in attempts] == list(range(1, 11))
    assert {each.status for each in attempts} == {status}
    record = office.deliveries.get(attempts[0].delivery)
    assert record
    assert record.state == "failed"


def test_a_receiver_that_is_away_is_tried_again(office: Office, receiver: Receiver) -> None:
    receiver.close()
    target = office.add(receiver.url)
    office.recognise()
    office.deliver()
    again = Receiver(port=receiver.port)
    office.now += 6.1
    office.deliver()
    again.close()
    assert len(again.received) == 1
    assert [each.error for each in office.attempts(target)] == ["the connection was refused", ""]


def test_an_answer_that_takes_too_long_is_a_failure(store: redis.Redis, settings: Settings, receiver: Receiver) -> None:
    office = Office(store, settings, webhook_timeout=0.3)
    answering(receiver, Reply(hang=60), Reply())
    target = office.add(receiver.url)
    office.recognise()
    office.deliver()
    office.now += 6.1
    office.deliver()
    assert [each.error for each in office.attempts(target)] == ["no answer within 0.3 s", ""]


def test_410_switches_the_target_off(office: Office, receiver: Receiver) -> None:
    answering(receiver, Reply(410))
    target = office.add(receiver.url)
    office.recognise()
    office.deliver()
    known = office.targets.get(target.id)
    assert known
    assert (known.on, known.off_reason) == (False, "The receiver answered 410 Gone.")
    office.recognise()
    office.now += 10 * 24 * 3600
    office.deliver()
    assert len(receiver.received) == 1


@pytest.mark.parametrize("form", ["seconds", "date"])
def test_retry_after_holds_back_all_that_waits_for_the_target(form: str, office: Office, receiver: Receiver) -> None:
    stamp = "100" if form == "seconds" else formatdate(int(office.now) + 101, usegmt=True)
    answering(receiver, Reply(429, headers={"Retry-After": stamp}), Reply())
    office.add(receiver.url)
    office.recognise()
    office.deliver()
    office.recognise()
    office.now += 60
    office.deliver()
    assert len(receiver.received) == 1
    office.now += 45
    office.deliver()
    assert len(receiver.received) == 3


def test_five_days_of_failures_switch_the_target_off(office: Office, receiver: Receiver) -> None:
    answering(receiver, Reply(500, b"no disk"))
    target = office.add(receiver.url)
    for _ in range(5):
        office.recognise()
        office.deliver()
        office.now += 24 * 3600
    assert office.targets.get(target.id).on  # type: ignore[union-attr]
    office.recognise()
    office.deliver()
    known = office.targets.get(target.id)
    assert known
    assert not known.on
    assert "5.0 days" in known.off_reason
    assert "status 500" in known.off_reason


def test_one_success_in_five_days_keeps_the_target_on(office: Office, receiver: Receiver) -> None:
    target = office.add(receiver.url)
    for day in range(8):
        answering(receiver, Reply(200 if day == 4 else 500))
        office.recognise()
        office.deliver()
        office.now += 24 * 3600
    assert office.targets.get(target.id).on  # type: ignore[union-attr]


def test_switched_on_again_it_gets_what_waited(office: Office, receiver: Receiver) -> None:
    target = office.add(receiver.url)
    office.recognise()
    office.targets.switch_off(target.id, "asked")
    office.deliver()
    assert not receiver.received
    office.targets.change(target.id, lambda known: replace(known, on=True, off_reason=""))
    office.deliveries.wake(target.id)
    office.deliver()
    assert len(receiver.received) == 1


def test_what_a_dead_process_had_taken_is_delivered(office: Office, receiver: Receiver) -> None:
    target = office.add(receiver.url)
    office.recognise()
    taken = office.deliveries.take(target.id, 8)
    assert taken
    assert len(taken[1]) == 1
    office.deliver()
    assert not receiver.received, "its lease holds"
    office.now += office.settings.lease + 1
    office.deliver()
    assert len(receiver.received) == 1


def test_a_lease_that_is_renewed_holds(office: Office, receiver: Receiver) -> None:
    target = office.add(receiver.url)
    office.recognise()
    taken = office.deliveries.take(target.id, 8)
    assert taken
    for _ in range(3):
        office.now += office.settings.lease - 1
        office.deliveries.renew({taken[1][0].id: target.id})
        office.deliver()
    assert not receiver.received


def test_requests_in_flight_are_capped(store: redis.Redis, settings: Settings, receiver: Receiver) -> None:
    office = Office(store, settings, webhook_in_flight=3)
    target = office.add(receiver.url)
    office.recognise()
    office.deliver()
    for _ in range(5):
        office.recognise()
    taken = office.deliveries.take(target.id, 8)
    assert taken
    assert len(taken[1]) == 3


def test_a_target_has_limits_of_its_own_below_the_services(
    store: redis.Redis, settings: Settings, receiver: Receiver
) -> None:
    office = Office(store, settings, webhook_in_flight=3, webhook_rate=3.0)
    few, slow, greedy = (
        office.add(receiver.url, max_in_flight=2),
        office.add(receiver.url, max_rate=1),
        office.add(receiver.url),
    )
    office.targets.change(greedy.id, lambda known: replace(known, max_in_flight=64, max_rate=10_000))
    office.recognise()
    office.deliver()
    for _ in range(6):
        office.recognise()
    office.now += 10
    taken = {each.id: office.deliveries.take(each.id, 8) for each in (few, slow, greedy)}
    assert {number: len(each[1]) for number, each in taken.items() if each} == {few.id: 2, slow.id: 1, greedy.id: 3}


def test_one_request_at_a_time_by_choice_is_no_doubt(office: Office, receiver: Receiver) -> None:
    """A crowded process leaves out those that fail, not those that are asked gently."""
    target = office.add(receiver.url, max_in_flight=1)
    office.recognise()
    office.deliver()
    office.recognise()
    taken = office.deliveries.take(target.id, 8, crowded=True)
    assert taken
    assert len(taken[1]) == 1


def test_a_failing_target_gets_one_request_at_a_time(office: Office, receiver: Receiver) -> None:
    answering(receiver, Reply(500))
    target = office.add(receiver.url)
    office.recognise()
    office.deliver()
    for _ in range(3):
        office.recognise()
    taken = office.deliveries.take(target.id, 8)
    assert taken
    assert len(taken[1]) == 1


def test_a_target_that_never_answered_gets_one_request_at_a_time(office: Office, receiver: Receiver) -> None:
    target = office.add(receiver.url)
    for _ in range(3):
        office.recognise()
    taken = office.deliveries.take(target.id, 8)
    assert taken
    assert len(taken[1]) == 1


def test_in_a_crowded_process_only_targets_that_answer_get_more(
    office: Office, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    office.add(receiver.url)
    office.recognise()
    office.deliver()
    failing = Receiver(lambda received: Reply(500))
    office.add(failing.url)
    monkeypatch.setattr("webhooks.dispatcher._CROWDED", 0)
    for _ in range(3):
        office.recognise()
    office.deliver()
    assert (len(receiver.received), len(failing.received)) == (4, 0)
    monkeypatch.setattr("webhooks.dispatcher._CROWDED", 1)
    office.now += 1.1
    office.deliver()
    assert len(failing.received) == 3
    failing.close()


def test_without_targets_a_recognition_leaves_nothing_to_deliver(office: Office) -> None:
    office.recognise()
    assert not [each for each in office.store.keys("platehost:*") if b"counted" not in each and b"usage" not in each]


def test_the_rate_is_capped(store: redis.Redis, settings: Settings, receiver: Receiver) -> None:
    office = Office(store, settings, webhook_rate=2.0)
    office.add(receiver.url)
    for _ in range(7):
        office.recognise()
    office.deliver()
    assert len(receiver.received) <= 3
    made = len(receiver.received)
    office.now += 1.01
    office.deliver()
    assert len(receiver.received) == made + 2


def test_beyond_the_most_pending_new_ones_are_dropped_counted_and_logged(
    store: redis.Redis, settings: Settings, receiver: Receiver, caplog: pytest.LogCaptureFixture
) -> None:
    office = Office(store, settings, webhook_pending=2)
    target = office.add(receiver.url)
    for _ in range(3):
        office.recognise()
    assert office.deliveries.standing(target.id)["waiting"] == 2
    assert office.deliveries.standing(target.id)["dropped"] == 1
    process = webhooks.__main__.Office(store, office.blobs, office.settings)
    process.sweep_once()
    process.sweep_once()
    told = [each for each in caplog.records if "queue is full" in each.message]
    assert [each.fields for each in told] == [{"target": target.id, "deliveries": 1}]  # type: ignore[attr-defined]


def test_ended_deliveries_and_attempts_are_kept_up_to_a_number(
    store: redis.Redis, settings: Settings, receiver: Receiver
) -> None:
    office = Office(store, settings, webhook_kept=2)
    target = office.add(receiver.url)
    for _ in range(4):
        office.recognise()
        office.deliver()
    assert office.deliveries.standing(target.id)["ended"] == 2
    assert len(office.attempts(target)) == 2
    assert len(store.keys("platehost:delivery:*")) == 2


def test_one_is_replayed_with_the_same_id(office: Office, receiver: Receiver) -> None:
    target = office.add(receiver.url)
    office.recognise()
    office.deliver()
    assert office.deliveries.replay(office.attempts(target)[0].delivery)
    office.deliver()
    first, second = receiver.received
    assert first.headers["webhook-id"] == second.headers["webhook-id"]
    assert first.body == second.body
    assert not office.deliveries.replay("msg_nothing_1")


def test_all_since_a_time_are_replayed(office: Office, receiver: Receiver) -> None:
    target = office.add(receiver.url)
    for _ in range(3):
        office.recognise()
    office.deliver()
    created = sorted(
        float(score) for _, score in office.store.zrange(f"platehost:ended:{target.id}", 0, -1, withscores=True)
    )
    assert office.deliveries.replay_since(target.id, created[1]) == 2
    office.deliver()
    assert len(receiver.received) == 5


def test_a_ping_reaches_a_target_that_is_off_and_counts_for_nothing(office: Office, receiver: Receiver) -> None:
    answering(receiver, Reply(500, b"no"))
    target = office.add(receiver.url)
    office.targets.switch_off(target.id, "asked")
    delivery = office.deliveries.ping(target)
    office.deliver()
    body = json.loads(receiver.received[0].body)
    assert body["hook"]["event"] == "test"
    assert body["data"]["results"] == []
    (attempt,) = office.attempts(target)
    assert (attempt.delivery, attempt.status, attempt.answer) == (delivery, 500, "no")
    office.now += 100
    office.deliver()
    assert len(receiver.received) == 1, "a ping is tried once"
    assert office.deliveries.standing(target.id)["failing_since"] == 0


def test_only_the_first_kilobyte_of_an_answer_is_kept(office: Office, receiver: Receiver) -> None:
    answering(receiver, Reply(200, b"\xff" + b"a" * 5000))
    target = office.add(receiver.url)
    office.recognise()
    office.deliver()
    assert office.attempts(target)[0].answer == "\ufffd" + "a" * 1023


def test_a_removed_target_leaves_nothing(office: Office, receiver: Receiver) -> None:
    answering(receiver, Reply(500))
    target = office.add(receiver.url)
    office.recognise()
    office.deliver()
    office.recognise()
    assert office.targets.remove(target.id)
    office.deliveries.forget(target.id)
    office.now += 3600
    office.deliver()
    assert len(receiver.received) == 1
    left = {each.decode() for each in office.store.keys("platehost:*") if b"delivered" not in each}
    assert {each for each in left if str(target.id) in each.split(":")} == set()
    assert not [each for each in left if each.startswith("platehost:delivery:")]


def test_own_headers_are_sent(office: Office, receiver: Receiver) -> None:
    office.add(receiver.url, headers={"Authorization": "Token abc", "camera-name": "M\u00fcller"})
    office.recognise()
    office.deliver()
    received: Received = receiver.received[0]
    assert received.headers["authorization"] == "Token abc"
    assert received.headers["camera-name"] == "M\u00fcller"


def test_an_address_that_is_not_allowed_is_an_attempt_that_says_so(
    store: redis.Redis, settings: Settings, receiver: Receiver
) -> None:
    office = Office(store, settings, webhook_allow="")
    target = office.add(receiver.url)
    office.recognise()
    office.deliver()
    assert not receiver.received
    (attempt,) = office.attempts(target)
    assert attempt.status is None
    assert "PLATEHOST_WEBHOOK_ALLOW" in attempt.error
