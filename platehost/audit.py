"""Who did what and when, for those who run the service: a line in the log, and the latest ones kept in Redis.

A line never holds a password, a key's or a target's secret.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from platehost.store import Client
from platehost.stored import made

LINES = "platehost:audit"
KEPT = 1000

# What people without an account do, such as sign-ins that fail, is kept apart: anybody can make any number of such
# lines, and must not push out those of the people who run the service.
STRANGERS = "platehost:audit:strangers"
KEPT_OF_STRANGERS = 200
LONGEST = 200

log = logging.getLogger("audit")


@dataclass(frozen=True)
class Line:
    """One thing that was done: `what` in words, `who` by the user's name, `detail` names what it was done to."""

    when: datetime
    who: str
    account: str
    what: str
    detail: str
    address: str


class Audit:
    """The lines in one Redis. Methods may raise redis.RedisError; the log has the line all the same."""

    def __init__(self, store: Client) -> None:
        self._store = store

    def note(self, what: str, *, who: str, account: str, detail: str = "", address: str = "") -> None:
        """Keeps one line, of a stranger where `account` is empty.

        `who` and `detail` may be what a stranger typed: they are cut and kept as text.
        """
        fields: dict[str, Any] = {
            "who": who[:LONGEST],
            "account": account,
            "what": what,
            "detail": detail[:LONGEST],
            "address": address,
        }
        log.info("audit", extra={"fields": fields})
        line = json.dumps({"when": datetime.now(UTC).isoformat(), **fields})
        place, kept = (LINES, KEPT) if account else (STRANGERS, KEPT_OF_STRANGERS)
        with self._store.pipeline() as pipeline:
            pipeline.lpush(place, line)
            pipeline.ltrim(place, 0, kept - 1)
            pipeline.execute()

    def latest(self, most: int = 50) -> Sequence[Line]:
        """The latest lines, newest first."""
        found = [json.loads(each) for place in (LINES, STRANGERS) for each in self._store.lrange(place, 0, most - 1)]
        lines = [made(Line, {**each, "when": datetime.fromisoformat(each["when"])}) for each in found]
        return sorted(lines, key=lambda line: line.when, reverse=True)[:most]
