"""Whether recognitions can be done now: signs of life of the workers, and how long the oldest job has waited."""

from __future__ import annotations

from datetime import UTC, datetime

from rq import worker_registration
from rq.queue import Queue
from rq.utils import utcparse

from platehost.jobs import QUEUE
from platehost.store import Client

# Workers give a sign of life every second when idle, and every two when busy.
SIGN_OF_LIFE_SECONDS = 30
_ALIVE = "platehost:alive:webhooks:"


def live_workers(store: Client) -> list[str]:
    """The host names of the workers that gave a sign of life lately, one per worker. Raises redis.RedisError."""
    keys = worker_registration.get_keys(queue=Queue(QUEUE, connection=store))
    now = datetime.now(UTC)
    hosts: list[str] = []
    for key in keys:
        heartbeat, host, death = store.hmget(key, "last_heartbeat", "hostname", "death")
        if heartbeat and not death and (now - _aware(heartbeat)).total_seconds() < SIGN_OF_LIFE_SECONDS:
            hosts.append(host.decode() if host else "")
    return hosts


def sign_of_webhooks(store: Client, host: str) -> None:
    """Says that a webhooks process on `host` does its work. Raises redis.RedisError."""
    store.set(_ALIVE + host, 1, ex=SIGN_OF_LIFE_SECONDS)


def live_webhooks(store: Client, host: str) -> bool:
    """Whether a webhooks process on `host` gave a sign of life lately. Raises redis.RedisError."""
    return bool(store.exists(_ALIVE + host))


def queue_length(store: Client) -> int:
    """How many jobs wait for a worker. Raises redis.RedisError."""
    return int(store.llen(f"rq:queue:{QUEUE}"))


def oldest_wait(store: Client) -> float:
    """Seconds that the job which is next has waited, 0 when none waits. Raises redis.RedisError."""
    first = store.lindex(f"rq:queue:{QUEUE}", 0)
    enqueued = store.hget(b"rq:job:" + first, "enqueued_at") if first else None
    return max(0.0, (datetime.now(UTC) - _aware(enqueued)).total_seconds()) if enqueued else 0.0


def started_jobs(store: Client) -> int:
    """How many jobs workers have begun and not ended. Raises redis.RedisError."""
    return int(store.zcard(f"rq:wip:{QUEUE}"))


def _aware(stamp: bytes) -> datetime:
    parsed = utcparse(stamp.decode())
    return parsed if parsed.tzinfo else parsed.replace(tzinfo=UTC)
