"""When a provider is left alone, and how it comes back."""

from __future__ import annotations

import pytest

from worker.lookup.breaker import FAILURES, Breaker
from worker.lookup.providers import ProviderError

FAILED = ProviderError("status 500")
LIMITED = ProviderError("too many requests (429)", end="limited")


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def breaker(clock: Clock) -> Breaker:
    return Breaker(clock)


def test_a_few_failures_pass(breaker: Breaker) -> None:
    for _ in range(FAILURES - 1):
        assert breaker.admits()
        assert breaker.failed(FAILED) == 0
    assert breaker.admits()
    breaker.worked()
    assert breaker.failed(FAILED) == 0, "they count in a row only"


def test_failures_in_a_row_pause_it_and_one_request_tries(breaker: Breaker, clock: Clock) -> None:
    pauses = [breaker.failed(FAILED) for _ in range(FAILURES)]
    assert pauses == [0] * (FAILURES - 1) + [5]
    assert not breaker.admits()
    clock.now += 5
    assert breaker.admits(), "one tries"
    assert not breaker.admits(), "the others wait for what becomes of it"
    assert breaker.worked(), "and tells that it is back"
    assert breaker.admits()
    assert breaker.admits()


def test_pauses_grow_while_it_only_fails_up_to_a_limit(breaker: Breaker, clock: Clock) -> None:
    pauses = [breaker.failed(FAILED) for _ in range(FAILURES)][-1:]
    for _ in range(8):
        clock.now += pauses[-1]
        assert breaker.admits()
        pauses.append(breaker.failed(FAILED))
    assert pauses == [5, 10, 20, 40, 80, 160, 300, 300, 300]


def test_requests_in_flight_that_fail_together_are_one_pause(breaker: Breaker, clock: Clock) -> None:
    pauses = [breaker.failed(FAILED) for _ in range(FAILURES + 5)]
    assert sum(each > 0 for each in pauses) == 1
    clock.now += 5
    assert breaker.admits()


def test_a_straggler_of_before_does_not_shorten_what_follows(breaker: Breaker, clock: Clock) -> None:
    for pause in (5, 10):
        while not breaker.failed(FAILED):
            pass
        clock.now += pause
        assert breaker.admits()
    assert breaker.failed(FAILED) == 20
    assert breaker.failed(FAILED) == 0, "one that was in flight"
    clock.now += 20
    assert breaker.admits()
    assert breaker.failed(FAILED) == 40


@pytest.mark.parametrize(("asked", "seconds"), [(None, 30), (7.0, 7), (0.0, 1), (1e9, 3600)])
def test_a_limit_pauses_it_at_once_for_as_long_as_it_asks(
    breaker: Breaker, clock: Clock, asked: float | None, seconds: float
) -> None:
    assert breaker.failed(ProviderError("too many requests", end="limited", pause=asked)) == seconds
    clock.now += seconds - 0.1
    assert not breaker.admits()
    clock.now += 0.1
    assert breaker.admits()


def test_any_failure_may_ask_for_a_pause(breaker: Breaker) -> None:
    assert breaker.failed(ProviderError("status 503", pause=120.0)) == 120


def test_a_refused_key_is_not_tried_again_and_again(breaker: Breaker, clock: Clock) -> None:
    assert breaker.failed(ProviderError("the key was refused", end="refused")) == 300
    clock.now += 299
    assert not breaker.admits()


def test_an_answer_from_before_the_pause_does_not_end_it(breaker: Breaker) -> None:
    breaker.failed(LIMITED)
    assert not breaker.worked()
    assert not breaker.admits()
