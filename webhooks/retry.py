"""When a delivery that failed is tried again, and when no more."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from platehost.retry_after import retry_after
from platehost.settings import SettingError

_JITTER = 0.2
_GONE = 410
_PAUSING = {429, 502, 503, 504}


@dataclass(frozen=True)
class Verdict:
    """What follows an attempt: `state` is delivered, failed or pending (again at `due`).

    `pause` (Unix seconds, 0 for none) holds back all that waits for the target; `off` switches the target off.
    """

    state: str
    due: float = 0.0
    pause: float = 0.0
    off: bool = False


def parse_schedule(text: str) -> tuple[float, ...]:
    """Seconds before each further attempt. Raises SettingError."""
    try:
        schedule = tuple(float(each) for each in text.split(",") if each.strip())
    except ValueError:
        schedule = (-1.0,)
    if any(not 0 <= each <= 7 * 24 * 3600 for each in schedule):
        raise SettingError(
            f"PLATEHOST_WEBHOOK_RETRIES is {text!r}; write seconds with commas between, such as 5,300,1800."
        )
    return schedule


def judge(
    status: int | None, headers: Mapping[str, str], attempts: int, now: float, schedule: Sequence[float]
) -> Verdict:
    """After the attempt that followed `attempts` earlier ones; `status` is None when there was no answer."""
    if status is not None and 200 <= status < 300:
        return Verdict("delivered")
    if status == _GONE:
        return Verdict("failed", off=True)
    if attempts >= len(schedule):
        return Verdict("failed")
    due = now + schedule[attempts] * random.uniform(1 - _JITTER, 1 + _JITTER)  # noqa: S311
    asked = retry_after(headers, now)
    if asked is None:
        return Verdict("pending", due)
    return Verdict("pending", max(due, asked), pause=asked if status in _PAUSING else 0.0)
