"""What is asked of Redis when somebody looks at the metrics: how much waits, who works, how full the stores are."""

from __future__ import annotations

from collections.abc import Iterator
from importlib.metadata import version

from prometheus_client.core import GaugeMetricFamily
from prometheus_client.metrics_core import Metric

from platehost.health import live_workers, oldest_wait, queue_length, started_jobs
from platehost.store import Client, RedisError
from platehost.targets import ACCOUNTS


def standing(store: Client) -> Iterator[Metric]:
    """Queue, workers and deliveries. Raises redis.RedisError."""
    yield _gauge("platehost_queue_jobs", "Jobs that wait for a worker.", queue_length(store))
    yield _gauge(
        "platehost_queue_oldest_seconds", "How long the job that is next has waited for a worker.", oldest_wait(store)
    )
    yield _gauge("platehost_started_jobs", "Jobs that workers have begun and not ended.", started_jobs(store))
    yield _gauge("platehost_workers", "Workers that gave a sign of life lately.", len(live_workers(store)))
    targets = [each.decode() for each in store.hkeys(ACCOUNTS)]
    with store.pipeline(transaction=False) as pipeline:
        for target in targets:
            pipeline.zcard(f"platehost:queue:{target}")
            pipeline.zcard(f"platehost:taken:{target}")
        counts = pipeline.execute()
    yield _gauge("platehost_targets", "Targets of all accounts.", len(targets))
    yield _gauge("platehost_deliveries_waiting", "Deliveries that wait for an attempt.", sum(counts[::2]))
    yield _gauge("platehost_deliveries_in_flight", "Attempts that are being made.", sum(counts[1::2]))


def stores(clients: dict[str, Client]) -> Iterator[Metric]:
    """Whether each store answers, and its memory; one that does not answer is a 0, never an error."""
    up = GaugeMetricFamily("platehost_store_up", "Whether a store answers: 1 or 0.", labels=["store"])
    used = GaugeMetricFamily("platehost_store_memory_bytes", "Memory that a store uses.", labels=["store"])
    most = GaugeMetricFamily(
        "platehost_store_memory_limit_bytes", "Memory that a store may use; 0 is no limit.", labels=["store"]
    )
    for name, client in clients.items():
        try:
            memory = client.info("memory")
        except RedisError:
            up.add_metric([name], 0)
            continue
        up.add_metric([name], 1)
        used.add_metric([name], memory.get("used_memory", 0))
        most.add_metric([name], memory.get("maxmemory", 0))
    yield from (up, used, most)


def build() -> Metric:
    """Which release answers."""
    family = GaugeMetricFamily("platehost_build_info", "The release that answers; always 1.", labels=["version"])
    family.add_metric([version("platehost")], 1)
    return family


def _gauge(name: str, doc: str, amount: float) -> Metric:
    return GaugeMetricFamily(name, doc, value=amount)
