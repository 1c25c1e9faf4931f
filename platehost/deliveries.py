"""Deliveries: one recognition for one target each, from the stored result to the receiver's answer, kept in Redis.

Every step is one script, so that a process may die between any two: a delivery stands in its target's queue, or is
taken under a lease that its process renews, or has ended. The scripts build key names, as RQ does: one Redis, no
cluster.
"""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from platehost import delivery_scripts as scripts
from platehost.settings import Settings
from platehost.store import Client
from platehost.stored import made
from platehost.targets import ACCOUNTS, PREFIX, Target, from_json

# Longer than the longest schedule of attempts; what a queue forgets to name does not stay for ever.
RECORD_SECONDS = 8 * 24 * 3600
# Longer than every way in which a job could be run again.
MARK_SECONDS = 24 * 3600
TEST_EVENT = "test"


@dataclass(frozen=True)
class Delivery:
    """One taken or ended delivery. `id` is the receiver's webhook-id, the same in every attempt.

    `event` is what `event_of` made; `picture` names a blob, empty when none is wanted; times are Unix seconds.
    """

    id: str
    target: int
    event: Mapping[str, Any]
    picture: str
    created: float
    attempts: int
    state: str


@dataclass(frozen=True)
class Attempt:
    """One request: `status` is None without an answer, then `error` says why; `answer` is its first kilobyte."""

    delivery: str
    number: int
    time: float
    status: int | None
    ms: float
    error: str
    answer: str


def event_of(
    job_id: str,
    account: str,
    options: Mapping[str, Any],
    echo: Mapping[str, Any],
    reading: Any,
    request_id: str = "",
) -> str:
    """What is kept of a recognition for its deliveries, as JSON; `reading` is the stored form of platehost.reading."""
    event = {"job": job_id, "account": account, "options": options, "echo": dict(echo), "reading": reading}
    if request_id:
        event["request_id"] = request_id
    return json.dumps(event, separators=(",", ":"))


class Deliveries:
    """The deliveries in one Redis. Every method may raise redis.RedisError when the store cannot be reached."""

    def __init__(self, store: Client, settings: Settings, clock: Callable[[], float] = time.time) -> None:
        self._store = store
        self._settings = settings
        self._clock = clock
        self._take = store.register_script(scripts.TAKE)
        self._finish = store.register_script(scripts.FINISH)
        self._replay = store.register_script(scripts.REPLAY)

    def enqueue(self, pipeline: Any, job_id: str, account: str, event: str, picture: str) -> None:
        """Adds to a transaction: one delivery per target of the account that is on, once per job however often called.

        In the transaction that stores the result, either both are there or none.
        """
        pipeline.eval(
            scripts.ENQUEUE,
            2,
            f"platehost:delivered:{job_id}",
            PREFIX + account,
            self._clock(),
            RECORD_SECONDS,
            self._settings.webhook_pending,
            job_id,
            event,
            picture,
            self._settings.webhook_picture_ttl,
            MARK_SECONDS,
        )

    def wants_picture(self, picture: str) -> bool:
        """Whether a delivery still needs this blob."""
        return bool(self._store.exists(f"platehost:picture:{picture}"))

    def ping(self, target: Target) -> str:
        """Enqueues a test delivery to a target, also to one that is off; returns its id."""
        delivery = f"msg_test{uuid.uuid4().hex}_{target.id}"
        event = json.dumps({"job": "test", "account": target.account, "test": True})
        fields = {"target": target.id, "event": event, "picture": "", "created": self._clock(), "attempts": 0}
        with self._store.pipeline() as pipeline:
            pipeline.hset(f"platehost:delivery:{delivery}", mapping={**fields, "state": "pending"})
            pipeline.expire(f"platehost:delivery:{delivery}", RECORD_SECONDS)
            pipeline.zadd(f"platehost:queue:{target.id}", {delivery: 0})
            pipeline.zadd("platehost:queues", {str(target.id): 0}, lt=True)
            pipeline.execute()
        return delivery

    def due_targets(self, most: int = 500) -> list[int]:
        """Targets for which something may be due, those that waited longest first."""
        found = self._store.zrange("platehost:queues", "-inf", self._clock(), byscore=True, offset=0, num=most)
        return [int(each) for each in found]

    def take(self, target_id: int, most: int, *, crowded: bool = False) -> tuple[Target, list[Delivery]] | None:
        """Takes up to `most` due deliveries of a target, within its caps, under a lease; None when it is gone.

        When the process is `crowded`, a target that has only failed lately is left for later.
        """
        taken = self._take(
            keys=["platehost:queues", ACCOUNTS],
            args=[
                target_id,
                self._clock(),
                self._settings.lease,
                self._settings.webhook_in_flight,
                self._settings.webhook_rate,
                most,
                PREFIX,
                int(crowded),
            ],
        )
        if not taken:
            return None
        target = from_json(taken[0])
        return target, [_delivery(pair[0], _pairs(pair[1])) for pair in taken[1:]]

    def renew(self, taken: Mapping[str, int]) -> None:
        """Renews the leases of deliveries in flight, given with their targets."""
        with self._store.pipeline(transaction=False) as pipeline:
            for delivery, target_id in taken.items():
                place = f"platehost:taken:{target_id}"
                pipeline.zadd(place, {delivery: self._clock() + self._settings.lease}, xx=True)
            pipeline.execute()

    def finish(
        self, delivery: Delivery, attempt: Attempt, *, state: str, due: float = 0.0, pause: float = 0.0
    ) -> tuple[float, bool]:
        """Keeps an attempt and what follows: `state` is delivered, failed or pending (again at `due`).

        `pause` holds the target's other deliveries back until then. Returns since when the target has only failed (0
        when it has not) and whether the delivery's picture is no longer needed.
        """
        failing_since, drop = self._finish(
            keys=["platehost:queues"],
            args=[
                delivery.target,
                delivery.id,
                self._clock(),
                state,
                due,
                pause,
                json.dumps(asdict(attempt), separators=(",", ":")),
                self._settings.webhook_kept,
                delivery.picture,
                int(delivery.event.get("test", False)),
            ],
        )
        return float(failing_since), bool(drop)

    def get(self, delivery_id: str) -> Delivery | None:
        fields = self._store.hgetall(f"platehost:delivery:{delivery_id}")
        return _delivery(delivery_id.encode(), fields) if fields else None

    def attempts(self, target_id: int, most: int = 100) -> list[Attempt]:
        """The latest attempts at deliveries to a target, newest first."""
        kept = self._store.lrange(f"platehost:attempts:{target_id}", 0, most - 1)
        return [made(Attempt, json.loads(each)) for each in kept]

    def replay(self, delivery_id: str) -> bool:
        """Sends an ended delivery again, as if new, with the same id; one that waits is sent at once."""
        return bool(self._replay(keys=["platehost:queues"], args=[delivery_id, self._clock()]))

    def replay_since(self, target_id: int, since: float) -> int:
        """Sends every kept delivery of a recognition at or after `since` (Unix seconds) again; returns how many."""
        ended = self._store.zrange(f"platehost:ended:{target_id}", since, "+inf", byscore=True)
        return sum(self.replay(each.decode()) for each in ended)

    def wake(self, target_id: int) -> None:
        """Looks at a target's queue at once: it was switched on."""
        with self._store.pipeline() as pipeline:
            pipeline.hdel(f"platehost:target:{target_id}:state", "failing_since", "failures", "paused_until")
            pipeline.zadd("platehost:queues", {str(target_id): 0})
            pipeline.execute()

    def standing(self, target_id: int) -> dict[str, float]:
        """How many deliveries wait, are in flight, ended and were dropped, and since when it only failed (or 0)."""
        with self._store.pipeline(transaction=False) as pipeline:
            for place in ("queue", "taken", "ended"):
                pipeline.zcard(f"platehost:{place}:{target_id}")
            pipeline.hmget(f"platehost:target:{target_id}:state", "dropped", "failing_since", "last_success")
            waiting, in_flight, ended, (dropped, failing, success) = pipeline.execute()
        return {
            "waiting": waiting,
            "in_flight": in_flight,
            "ended": ended,
            "dropped": int(dropped or 0),
            "failing_since": float(failing or 0),
            "last_success": float(success or 0),
        }

    def newly_dropped(self, target_ids: Sequence[int]) -> dict[int, int]:
        """Per target how many new deliveries found its queue full since this was asked last, by any process."""
        with self._store.pipeline(transaction=False) as pipeline:
            for target_id in target_ids:
                pipeline.hget(f"platehost:target:{target_id}:state", "dropped")
                pipeline.hget(f"platehost:target:{target_id}:state", "dropped_told")
            found = [int(each or 0) for each in pipeline.execute()]
        fresh = {each: found[2 * n] - found[2 * n + 1] for n, each in enumerate(target_ids)}
        for target_id, count in fresh.items():
            if count:
                self._store.hincrby(f"platehost:target:{target_id}:state", "dropped_told", count)
        return {target_id: count for target_id, count in fresh.items() if count}

    def forget(self, target_id: int) -> None:
        """Drops every delivery and attempt of a target that was removed."""
        places = [f"platehost:{place}:{target_id}" for place in ("queue", "taken", "ended")]
        for place in places:
            while some := self._store.zpopmin(place, 500):
                self._store.unlink(*(f"platehost:delivery:{each.decode()}" for each, _ in some))
        self._store.zrem("platehost:queues", str(target_id))
        self._store.unlink(f"platehost:attempts:{target_id}", f"platehost:target:{target_id}:state")

    def surplus_pictures(self) -> Iterator[str]:
        """Takes the pictures that are too many or too old off the list, the oldest first: their blobs may go."""
        now, most = self._clock(), self._settings.webhook_pictures
        while True:
            surplus = int(self._store.zcard("platehost:pictures")) - most
            oldest = self._store.zrange("platehost:pictures", 0, 0, withscores=True)
            if not oldest or (surplus <= 0 and oldest[0][1] > now - self._settings.webhook_picture_ttl):
                return
            name = oldest[0][0].decode()
            self._store.unlink(f"platehost:picture:{name}")
            self._store.zrem("platehost:pictures", name)
            yield name


def _delivery(delivery_id: bytes, fields: Mapping[bytes, bytes]) -> Delivery:
    return Delivery(
        id=delivery_id.decode(),
        target=int(fields[b"target"]),
        event=json.loads(fields[b"event"]),
        picture=fields[b"picture"].decode(),
        created=float(fields[b"created"]),
        attempts=int(fields[b"attempts"]),
        state=fields[b"state"].decode(),
    )


def _pairs(flat: list[bytes]) -> dict[bytes, bytes]:
    return dict(zip(flat[::2], flat[1::2], strict=True))
