"""The counts of all processes, added up in Redis.

Not the files of prometheus_client's own multiprocess mode: web, workers and webhooks are not one process's children and
need not be on one machine. Here one look at one port tells of them all, and what a process counted outlives it. A
process that is killed loses what it counted in its last two seconds.
"""

from __future__ import annotations

import atexit
import contextlib
import json
import threading
import uuid
from collections.abc import Iterator

from prometheus_client import CollectorRegistry
from prometheus_client.metrics_core import Metric

from platehost.metrics import REGISTRY
from platehost.settings import Settings
from platehost.store import Client, RedisError, connect

# Raise the number when labels or buckets change: what another release counts cannot be added to them.
KEY = "platehost:metrics:1"
SOURCES = "platehost:metrics-source:"
SECONDS_BETWEEN_REPORTS = 2.0
# The samples that each kind of metric has; when they were made is of no use here.
_SUFFIXES = {"counter": ["_total"], "histogram": ["_bucket", "_sum", "_count"]}
# Longer than a process tries to send the same report again.
_SOURCE_SECONDS = 24 * 3600

# A report whose answer was lost is sent again, and counts once.
# KEYS: the sums, the last report of this process. ARGV: its number, seconds to keep that, then fields and amounts.
_ADD = """
if redis.call('GET', KEYS[2]) == ARGV[1] then return 0 end
redis.call('SET', KEYS[2], ARGV[1], 'EX', ARGV[2])
for n = 3, #ARGV, 2 do redis.call('HINCRBYFLOAT', KEYS[1], ARGV[n], ARGV[n + 1]) end
return 1
"""


class Reporter:
    """Adds what this process has counted since it last did to the sums in Redis."""

    def __init__(self, store: Client, registry: CollectorRegistry = REGISTRY) -> None:
        self._add = store.register_script(_ADD)
        self._registry = registry
        self._source = SOURCES + uuid.uuid4().hex
        self._reported: dict[str, float] = {}
        self._number = 0
        self._unsent: list[str] = []
        self._lock = threading.Lock()

    def report(self) -> None:
        """Raises redis.RedisError; the same counts are then part of the next report, or sent again."""
        with self._lock:
            if not self._unsent:
                counted = dict(_counted(self._registry))
                for field, amount in counted.items():
                    # Also what is nought the first time: a rate needs to see it rise from there.
                    if amount != self._reported.get(field):
                        self._unsent += [field, repr(amount - self._reported.get(field, 0.0))]
                self._reported = counted
                self._number += 1
            if self._unsent:
                self._add(keys=[KEY, self._source], args=[self._number, _SOURCE_SECONDS, *self._unsent])
                self._unsent = []

    def run(self, stop: threading.Event) -> None:
        """Reports every two seconds until `stop`; while Redis is away the counts are kept."""
        while not stop.wait(SECONDS_BETWEEN_REPORTS):
            with contextlib.suppress(RedisError):
                self.report()

    def last(self) -> None:
        """What is left when the process ends."""
        with contextlib.suppress(RedisError):
            self.report()


def start_reporting(settings: Settings) -> Reporter:
    """Reports what this process counts, from a thread of its own, until the process ends."""
    reporter = Reporter(connect(settings.redis_url, max_connections=2))
    threading.Thread(target=reporter.run, args=(threading.Event(),), name="metrics", daemon=True).start()
    atexit.register(reporter.last)
    return reporter


def read(store: Client, registry: CollectorRegistry = REGISTRY) -> list[Metric]:
    """The sums of all processes, by family, in the order in which `registry` has them. Raises redis.RedisError."""
    sums: dict[str, list[tuple[dict[str, str], float]]] = {}
    for field, amount in store.hgetall(KEY).items():
        name, labels = json.loads(field)
        sums.setdefault(name, []).append((labels, float(amount)))
    families = []
    for own in registry.collect():
        family = Metric(own.name, own.documentation, own.type)
        for suffix in _SUFFIXES[own.type]:
            name = own.name + suffix
            for labels, amount in sorted(sums.get(name, []), key=_order):
                family.add_sample(name, labels, amount)
        families.append(family)
    return families


def _counted(registry: CollectorRegistry) -> Iterator[tuple[str, float]]:
    """Each count of this process: its name and labels as JSON, and how often so far."""
    for family in registry.collect():
        names = {family.name + suffix for suffix in _SUFFIXES[family.type]}
        for sample in family.samples:
            if sample.name in names:
                yield json.dumps([sample.name, dict(sample.labels)], sort_keys=True), sample.value


def _order(sample: tuple[dict[str, str], float]) -> tuple[list[tuple[str, str]], float]:
    """By labels, a histogram's buckets from the least to the largest."""
    labels = sample[0]
    return sorted((name, text) for name, text in labels.items() if name != "le"), float(labels.get("le", 0))
