"""Counts recognitions per account and UTC month, each job once however often it is run."""

from __future__ import annotations

from datetime import UTC, datetime

from platehost.store import Client

# Clients subtract from a plan's calls, and some keep them in 32 bits: without a limit there still has to be a number.
UNLIMITED_CALLS = 1_000_000_000

# A job's mark outlives every way in which the job could be run again.
MARK_SECONDS = 7 * 24 * 3600

# One atomic step: a worker that dies can neither lose a count nor double it.
_COUNT = """
if redis.call('SET', KEYS[1], '1', 'NX', 'EX', ARGV[1]) then
  return redis.call('INCR', KEYS[2])
end
return -1
"""


class Usage:
    """The counters in one Redis. Every method may raise redis.RedisError when the store cannot be reached."""

    def __init__(self, store: Client) -> None:
        self._store = store
        self._count = store.register_script(_COUNT)

    def count(self, account: str, job_id: str, when: datetime) -> bool:
        """Counts one recognition in the month of `when` (aware); False when this job was counted before."""
        keys = [f"platehost:counted:{job_id}", _month_key(account, when)]
        return int(self._count(keys=keys, args=[MARK_SECONDS])) >= 0

    def calls(self, account: str, when: datetime) -> int:
        """Recognitions of `account` in the month of `when` (aware)."""
        return int(self._store.get(_month_key(account, when)) or 0)


def _month_key(account: str, when: datetime) -> str:
    return f"platehost:usage:{account}:{when.astimezone(UTC):%Y-%m}"


def next_month(when: datetime) -> datetime:
    """The first moment of the UTC month after the one of `when` (aware): the count begins anew."""
    start = when.astimezone(UTC).replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    return start.replace(year=start.year + 1, month=1) if start.month == 12 else start.replace(month=start.month + 1)
