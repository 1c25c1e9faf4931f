"""Plans: how often an account's keys may call, how many calls a UTC month has, and whether mmc is included.

Who never makes a plan has the one that is always there, `unlimited`.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

from limits import RateLimitItem, parse_many

from platehost.store import Client

PLAN_PREFIX = "platehost:plan:"
PLAN_INDEX = "platehost:plans"
UNLIMITED = "unlimited"
MOST_CALLS = 1_000_000_000
MOST_REQUESTS = 1_000_000

NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,39}")
_LONGEST_WINDOW = 24 * 3600

# KEYS: the plan, the index. ARGV: the name, when it was made, fields and values. 0 when the name is taken.
_ADD = """
if redis.call('EXISTS', KEYS[1]) == 1 then return 0 end
redis.call('HSET', KEYS[1], unpack(ARGV, 3))
redis.call('ZADD', KEYS[2], ARGV[2], ARGV[1])
return 1
"""

# KEYS: the plan. ARGV: fields and values. 0 when there is no such plan, so that a removed one does not come back.
_CHANGE = """
if redis.call('EXISTS', KEYS[1]) == 0 then return 0 end
redis.call('HSET', KEYS[1], unpack(ARGV))
return 1
"""

# KEYS: the plan, the index, the accounts. ARGV: the name, the prefix of accounts.
# In one step with the look at who has it: no account may be left with a plan that is not there.
_REMOVE = """
if redis.call('EXISTS', KEYS[1]) == 0 then return -1 end
local having = 0
for _, account in ipairs(redis.call('ZRANGE', KEYS[3], 0, -1)) do
  if redis.call('HGET', ARGV[2] .. account, 'plan') == ARGV[1] then having = having + 1 end
end
if having == 0 then
  redis.call('DEL', KEYS[1])
  redis.call('ZREM', KEYS[2], ARGV[1])
end
return having
"""

ACCOUNT_PREFIX = "platehost:account:"
ACCOUNT_INDEX = "platehost:accounts"


class PlanError(ValueError):
    """A plan that cannot be, or cannot be changed so; the message says why and what is allowed."""


@dataclass(frozen=True)
class Plan:
    """What an account may do.

    `rate` is in Flask-Limiter's words, such as "8 per second"; None means that of PLATEHOST_RATE_LIMIT. `calls` is per
    UTC month; None means without an end.
    """

    name: str
    rate: str | None = None
    calls: int | None = None
    mmc: bool = True
    created: datetime | None = None

    def described(self) -> dict[str, Any]:
        """For a JSON answer."""
        created = self.created.isoformat() if self.created else None
        return {"name": self.name, "rate": self.rate, "calls": self.calls, "mmc": self.mmc, "created": created}


class Plans:
    """The plans in one Redis. Every method may raise redis.RedisError when the store cannot be reached."""

    def __init__(self, store: Client) -> None:
        self._store = store
        self._add = store.register_script(_ADD)
        self._change = store.register_script(_CHANGE)
        self._remove = store.register_script(_REMOVE)

    def add(self, name: str, *, rate: str | None = None, calls: int | None = None, mmc: bool = True) -> Plan:
        """Makes a plan. Raises PlanError for a name that is taken, and for a name, rate or number that cannot be."""
        if not NAME.fullmatch(name):
            raise PlanError("A plan's name has 1 to 40 characters of a-z, 0-9, dash and underscore.")
        created = datetime.now(UTC)
        plan = _checked(Plan(name, rate, calls, mmc, created))
        arguments = [name, created.timestamp(), *_flat(plan), "created", created.isoformat()]
        if name == UNLIMITED or not self._add(keys=[PLAN_PREFIX + name, PLAN_INDEX], args=arguments):
            raise PlanError(f"There is a plan {name} already; take another name, or change that one.")
        return plan

    def get(self, name: str) -> Plan | None:
        """The plan with this name, None when there is none."""
        if name == UNLIMITED:
            return Plan(UNLIMITED)
        fields = self._store.hgetall(PLAN_PREFIX + name)
        return plan_of(name, fields) if fields else None

    def list(self) -> Sequence[Plan]:
        """All plans: `unlimited`, then the others, oldest first."""
        names = [each.decode() for each in self._store.zrange(PLAN_INDEX, 0, -1)]
        found = [self.get(name) for name in [UNLIMITED, *names]]
        return [plan for plan in found if plan]

    def change(self, name: str, **changes: Any) -> Plan:
        """Changes `rate`, `calls` or `mmc`, for the next request of everybody who has the plan. Raises PlanError."""
        plan = self._known(name, "changed")
        plan = _checked(replace(plan, **changes))
        if not self._change(keys=[PLAN_PREFIX + name], args=_flat(plan)):
            raise PlanError(_unknown(name))
        return plan

    def remove(self, name: str) -> None:
        """Removes a plan that no account has. Raises PlanError."""
        self._known(name, "removed")
        having = int(self._remove(keys=[PLAN_PREFIX + name, PLAN_INDEX, ACCOUNT_INDEX], args=[name, ACCOUNT_PREFIX]))
        if having < 0:
            raise PlanError(_unknown(name))
        if having:
            accounts = "1 account has" if having == 1 else f"{having} accounts have"
            raise PlanError(f"{accounts} the plan {name}; give them another one first.")

    def _known(self, name: str, what: str) -> Plan:
        if name == UNLIMITED:
            raise PlanError(f"The plan {UNLIMITED} is always there and cannot be {what}; make another one.")
        plan = self.get(name)
        if plan is None:
            raise PlanError(_unknown(name))
        return plan


def plan_of(name: str, fields: dict[bytes, bytes]) -> Plan:
    """A plan as the store holds it; without fields the one that is always there, whatever its name was."""
    if not fields:
        return Plan(UNLIMITED)
    text = {field.decode(): value.decode() for field, value in fields.items()}
    return Plan(
        name=name,
        rate=text.get("rate") or None,
        calls=int(text["calls"]) if text.get("calls") else None,
        mmc=text.get("mmc") != "no",
        created=datetime.fromisoformat(text["created"]) if "created" in text else None,
    )


def parse_rate(rate: str) -> RateLimitItem:
    """A rate in Flask-Limiter's words; a bare number is per second. Raises PlanError."""
    words = rate.strip()
    try:
        (limit,) = parse_many(f"{words} per second" if words.isascii() and words.isdigit() else words)
    except ValueError:
        raise PlanError(f"The rate is {rate!r}; write it like '8 per second' or '600 per minute'.") from None
    if not 1 <= limit.amount <= MOST_REQUESTS or limit.get_expiry() > _LONGEST_WINDOW:
        raise PlanError(f"The rate is {rate!r}, but must be 1 to {MOST_REQUESTS} requests in at most a day.")
    return limit


def _checked(plan: Plan) -> Plan:
    if plan.calls is not None and not 0 <= plan.calls <= MOST_CALLS:
        raise PlanError(f"The calls of a month are {plan.calls}, but must be 0 to {MOST_CALLS}.")
    if plan.rate is None:
        return plan
    limit = parse_rate(plan.rate)
    unit = limit.GRANULARITY.name
    return replace(plan, rate=f"{limit.amount} per {unit if limit.multiples == 1 else f'{limit.multiples} {unit}s'}")


def _flat(plan: Plan) -> list[str]:
    calls = "" if plan.calls is None else str(plan.calls)
    return ["rate", plan.rate or "", "calls", calls, "mmc", "yes" if plan.mmc else "no"]


def _unknown(name: str) -> str:
    return f"There is no plan {name}."
