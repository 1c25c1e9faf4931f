"""Counts recognitions per account, UTC month and UTC day, each job once however often it is run; and keeps quotas.

A call is reserved before its job is queued and becomes a count when the job has a reading. What ends without one gives
its call back: with its result, by `webhooks` when its worker died, and at the latest by itself after a time.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any

from platehost.plans import Plan
from platehost.store import Client

# Clients subtract from a plan's calls, and some keep them in 32 bits: without a limit there still has to be a number.
UNLIMITED_CALLS = 1_000_000_000

# A job's mark outlives every way in which the job could be run again.
MARK_SECONDS = 7 * 24 * 3600

# Months are kept for good; days are for a plot.
DAY_SECONDS = 100 * 24 * 3600

# A job is queued at once after its call was reserved.
_SECONDS_TO_QUEUE = 60

PREFIX = "platehost:usage:"
RESERVED_PREFIX = "platehost:reserved:"
RESERVING = "platehost:reserving"

# One atomic step: a worker that dies can neither lose a count nor double it.
# KEYS: the job's mark, the month, the day, the reserved calls. ARGV: the job, seconds of the mark and of the day.
_COUNT = """
redis.call('ZREM', KEYS[4], ARGV[1])
if redis.call('SET', KEYS[1], '1', 'NX', 'EX', ARGV[2]) then
  redis.call('INCR', KEYS[3])
  redis.call('EXPIRE', KEYS[3], ARGV[3])
  return redis.call('INCR', KEYS[2])
end
return -1
"""

# In one step with the look at what is left: of two requests for the last call, one gets it.
# KEYS: the month, the reserved calls, the accounts that reserve. ARGV: the account, now, when the oldest that still
# counts was reserved, the calls of a month, the jobs. 0 when too few calls are left.
_RESERVE = """
redis.call('ZREMRANGEBYSCORE', KEYS[2], '-inf', ARGV[3])
local used = tonumber(redis.call('GET', KEYS[1]) or '0') + redis.call('ZCARD', KEYS[2])
if used + #ARGV - 4 > tonumber(ARGV[4]) then return 0 end
for place = 5, #ARGV do redis.call('ZADD', KEYS[2], ARGV[2], ARGV[place]) end
redis.call('SADD', KEYS[3], ARGV[1])
return 1
"""

# Gives back the calls of jobs that have ended, and of those that were never queued. A job that waits or runs keeps its.
# KEYS: the reserved calls, the accounts that reserve. ARGV: the account, now, seconds to queue.
_SWEEP = """
local given = 0
for _, job in ipairs(redis.call('ZRANGE', KEYS[1], 0, -1)) do
  local state = redis.call('HGET', 'rq:job:' .. job, 'status')
  local gone = not state and tonumber(ARGV[2]) - tonumber(redis.call('ZSCORE', KEYS[1], job)) > tonumber(ARGV[3])
  if gone or state == 'failed' or state == 'finished' or state == 'canceled' or state == 'stopped' then
    given = given + redis.call('ZREM', KEYS[1], job)
  end
end
if redis.call('ZCARD', KEYS[1]) == 0 then redis.call('SREM', KEYS[2], ARGV[1]) end
return given
"""


@dataclass(frozen=True)
class Quota:
    """The calls of an account in one UTC month: `calls` and `left` are None without a limit."""

    used: int
    calls: int | None
    left: int | None
    resets_on: datetime

    def described(self) -> dict[str, Any]:
        """For a JSON answer."""
        return {"used": self.used, "calls": self.calls, "left": self.left, "resets_on": self.resets_on.isoformat()}


class QuotaUsedUp(Exception):
    """Fewer calls are left in this UTC month than are needed; nothing was accepted."""

    def __init__(self, quota: Quota, wanted: int) -> None:
        super().__init__(f"{wanted} calls are needed")
        self.quota = quota
        self.wanted = wanted


class Usage:
    """The counters in one Redis. Every method may raise redis.RedisError when the store cannot be reached."""

    def __init__(self, store: Client) -> None:
        self._store = store
        self._count = store.register_script(_COUNT)
        self._reserve = store.register_script(_RESERVE)
        self._sweep = store.register_script(_SWEEP)

    def count(self, account: str, job_id: str, when: datetime) -> bool:
        """Counts one recognition at `when` (aware), with its reserved call; False when the job was counted before."""
        names = [
            f"platehost:counted:{job_id}",
            _month_key(account, when),
            f"{PREFIX}{account}:{when.astimezone(UTC):%Y-%m-%d}",
            RESERVED_PREFIX + account,
        ]
        return int(self._count(keys=names, args=[job_id, MARK_SECONDS, DAY_SECONDS])) >= 0

    def calls(self, account: str, when: datetime) -> int:
        """Recognitions of `account` in the month of `when` (aware)."""
        return int(self._store.get(_month_key(account, when)) or 0)

    def days(self, account: str, until: datetime, number: int = 60) -> Sequence[tuple[date, int]]:
        """Recognitions per UTC day, of the last `number` days (at most 100 are kept), that of `until` last."""
        last = until.astimezone(UTC).date()
        days = [last - timedelta(days=back) for back in range(number - 1, -1, -1)]
        counts = self._store.mget([f"{PREFIX}{account}:{day:%Y-%m-%d}" for day in days])
        return [(day, int(count or 0)) for day, count in zip(days, counts, strict=True)]

    def months(self, account: str, until: datetime, number: int = 12) -> Sequence[tuple[str, int]]:
        """Recognitions per UTC month, such as 2026-11, of the last `number` months, oldest first."""
        month = until.astimezone(UTC).replace(day=1)
        months = [f"{month:%Y-%m}"]
        while len(months) < number:
            month = (month - timedelta(days=1)).replace(day=1)
            months.insert(0, f"{month:%Y-%m}")
        counts = self._store.mget([f"{PREFIX}{account}:{each}" for each in months])
        return [(each, int(count or 0)) for each, count in zip(months, counts, strict=True)]

    def quota(self, account: str, calls: int | None, when: datetime) -> Quota:
        """What is used and left of `calls`, a plan's, in the month of `when` (aware)."""
        used = self.calls(account, when)
        return Quota(used, calls, None if calls is None else max(0, calls - used), next_month(when))

    def reserve(self, account: str, job_ids: Sequence[str], calls: int, when: datetime, lifetime: float) -> bool:
        """Reserves one call for each of these jobs, or none when fewer are left of `calls` in the month of `when`.

        A reservation ends by itself after `lifetime` seconds, which has to be longer than a job can wait and run.
        """
        names = [_month_key(account, when), RESERVED_PREFIX + account, RESERVING]
        now = time.time()
        return bool(self._reserve(keys=names, args=[account, now, now - lifetime, calls, *job_ids]))

    def give_back(self, account: str, job_ids: Sequence[str]) -> None:
        """Gives back the calls that are reserved for these jobs; those that were counted stay so."""
        if job_ids:
            self._store.zrem(RESERVED_PREFIX + account, *job_ids)

    def sweep(self) -> int:
        """Gives back the calls of all jobs that ended without a count, whoever died meanwhile; returns how many."""
        now = time.time()
        return sum(
            int(self._sweep(keys=[RESERVED_PREFIX + account, RESERVING], args=[account, now, _SECONDS_TO_QUEUE]))
            for account in (each.decode() for each in self._store.smembers(RESERVING))
        )


def _month_key(account: str, when: datetime) -> str:
    return f"{PREFIX}{account}:{when.astimezone(UTC):%Y-%m}"


def total_calls(plan: Plan) -> int:
    """A plan's calls of a month as clients want them, always a number."""
    return UNLIMITED_CALLS if plan.calls is None else plan.calls


def next_month(when: datetime) -> datetime:
    """The first moment of the UTC month after the one of `when` (aware): the count begins anew."""
    start = when.astimezone(UTC).replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    return start.replace(year=start.year + 1, month=1) if start.month == 12 else start.replace(month=start.month + 1)
