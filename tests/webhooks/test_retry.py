"""What follows from an answer, apart from any store."""

from __future__ import annotations

from email.utils import formatdate

import pytest

from platehost.retry_after import LONGEST_RETRY_AFTER, retry_after
from platehost.settings import SettingError, Settings
from webhooks.retry import judge, parse_schedule

NOW = 1_800_000_000.0
SCHEDULE = (5.0, 300.0)


def test_the_default_schedule_lasts_three_days() -> None:
    schedule = parse_schedule(Settings().webhook_retries)
    assert 3 * 24 * 3600 < sum(schedule) < 3.5 * 24 * 3600


@pytest.mark.parametrize("text", ["five", "5;300", "-1", "5,nan", "1e99"])
def test_a_schedule_that_cannot_be_read_is_told(text: str) -> None:
    with pytest.raises(SettingError, match="PLATEHOST_WEBHOOK_RETRIES"):
        parse_schedule(text)


def test_waits_differ_by_a_fifth_at_most() -> None:
    dues = [judge(500, {}, 1, NOW, SCHEDULE).due - NOW for _ in range(500)]
    assert 240 <= min(dues) < 250
    assert 350 < max(dues) <= 360


def test_after_the_last_wait_it_has_failed() -> None:
    assert judge(500, {}, 1, NOW, SCHEDULE).state == "pending"
    assert judge(500, {}, 2, NOW, SCHEDULE).state == "failed"
    assert judge(None, {}, 0, NOW, ()).state == "failed"


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("120", 120),
        (" 0 ", 0),
        ("999999999", LONGEST_RETRY_AFTER),
        (formatdate(NOW + 60, usegmt=True), 60),
        (formatdate(NOW - 60, usegmt=True), 0),
        (formatdate(NOW + 1e6, usegmt=True), LONGEST_RETRY_AFTER),
        ("soon", None),
        ("-5", None),
        ("", None),
        ("\u00b2", None),
        ("Mon, 99 Foo 2026 99:99:99 GMT", None),
    ],
)
def test_retry_after_is_read_in_both_forms(text: str, seconds: float | None) -> None:
    found = retry_after({"retry-AFTER": text}, NOW)
    assert found == (None if seconds is None else pytest.approx(NOW + seconds, abs=1))


def test_retry_after_never_shortens_the_wait() -> None:
    assert judge(503, {"Retry-After": "1"}, 1, NOW, SCHEDULE).due >= NOW + 240
    verdict = judge(503, {"Retry-After": "1000"}, 1, NOW, SCHEDULE)
    assert verdict.due == verdict.pause == NOW + 1000


def test_only_answers_that_speak_for_the_whole_receiver_pause_it() -> None:
    assert judge(429, {"Retry-After": "1000"}, 0, NOW, SCHEDULE).pause == NOW + 1000
    assert judge(400, {"Retry-After": "1000"}, 0, NOW, SCHEDULE).pause == 0
