"""One count per recognition, in UTC months."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta, timezone

import redis

from platehost.usage import Usage


def test_a_job_is_counted_once_however_often_it_runs(store: redis.Redis) -> None:
    usage = Usage(store)
    now = datetime(2026, 11, 22, tzinfo=UTC)
    with ThreadPoolExecutor(8) as runs:
        counted = list(runs.map(lambda run: usage.count("main", f"job{run % 50}", now), range(400)))
    assert counted.count(True) == 50
    assert usage.calls("main", now) == 50
    assert usage.calls("other", now) == 0


def test_months_are_those_of_utc(store: redis.Redis) -> None:
    usage = Usage(store)
    usage.count("main", "a", datetime(2026, 12, 1, 0, 30, tzinfo=timezone(timedelta(hours=1))))
    assert usage.calls("main", datetime(2026, 11, 30, tzinfo=UTC)) == 1
    assert usage.calls("main", datetime(2026, 12, 1, tzinfo=UTC)) == 0
