"""What the processes count and time, in Prometheus's words.

Each process counts in its own memory, which costs a request some microseconds and can never fail it;
platehost.metrics_store adds the counts up in Redis. A label has few values, all of them ours: never a key, a plate or a
path that a client made up.
"""

from __future__ import annotations

from collections.abc import Mapping

from prometheus_client import CollectorRegistry, Counter, Histogram

REGISTRY = CollectorRegistry()

# Seconds. What is measured reaches from a crop's read to a request that waits for the whole sync window.
_FINE = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)
_COARSE = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)
# A delivery may wait for days.
_DAYS = (0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 1800, 7200, 86_400)

REQUESTS = Counter(
    "platehost_requests", "Requests by route, method and status.", ["route", "method", "status"], registry=REGISTRY
)
REQUEST_SECONDS = Histogram(
    "platehost_request_seconds",
    "Time from the first byte that web handles to its answer.",
    ["route"],
    buckets=_COARSE,
    registry=REGISTRY,
)
ERRORS = Counter(
    "platehost_errors", "Answers that are errors, by their code in the NPR API.", ["code"], registry=REGISTRY
)
STAGE_SECONDS = Histogram(
    "platehost_stage_seconds",
    "Time of one picture by stage: queue (until a worker began), the stages of the core, total (until it was stored).",
    ["stage"],
    buckets=_FINE,
    registry=REGISTRY,
)
BATCH_PICTURES = Histogram(
    "platehost_batch_pictures",
    "Pictures in one call of the core.",
    buckets=(1, 2, 4, 8, 16, 32, 64, 128, 256),
    registry=REGISTRY,
)
INFERENCE_SECONDS = Histogram(
    "platehost_inference_seconds", "Time of one call of the core, a batch.", buckets=_FINE, registry=REGISTRY
)
RECOGNITIONS = Counter(
    "platehost_recognitions", "Runs of jobs by outcome: reading, failure or retry.", ["outcome"], registry=REGISTRY
)
PLATES = Counter("platehost_plates", "Plates in readings.", registry=REGISTRY)
FAILURES = Counter(
    "platehost_failures", "Pictures without a reading, by the reason's code.", ["code"], registry=REGISTRY
)
ATTEMPTS = Counter(
    "platehost_attempts",
    "Attempts at deliveries, by what followed: delivered, pending or failed.",
    ["outcome"],
    registry=REGISTRY,
)
ATTEMPT_SECONDS = Histogram(
    "platehost_attempt_seconds", "Time until a receiver answered, or failed to.", buckets=_COARSE, registry=REGISTRY
)
DELIVERIES = Counter(
    "platehost_deliveries", "Deliveries that ended, by outcome: delivered or failed.", ["outcome"], registry=REGISTRY
)
DELIVERY_SECONDS = Histogram(
    "platehost_delivery_seconds", "Time from the stored reading to its delivery.", buckets=_DAYS, registry=REGISTRY
)
DROPPED = Counter(
    "platehost_deliveries_dropped", "Deliveries that found the queue of their target full.", registry=REGISTRY
)
SWITCHED_OFF = Counter(
    "platehost_targets_switched_off", "Targets switched off for failing or by a 410.", registry=REGISTRY
)
# known and unknown: the register answered; cached: its earlier answer was there; failed, limited (429) and refused (the
# key): it did not; paused and busy: it was not asked; late: a picture's answer did not wait for it any longer.
LOOKUPS = Counter(
    "platehost_lookups",
    "Look-ups of plates in registers by their end: "
    "known, unknown, cached, failed, limited, refused, paused, busy or late.",
    ["register", "end"],
    registry=REGISTRY,
)

_METHODS = {"GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"}


def count_request(route: str | None, method: str, status: int, seconds: float) -> None:
    """One answered request; `route` is the route's pattern, None for a path that there is none for."""
    route = route or "none"
    REQUESTS.labels(route, method if method in _METHODS else "other", str(status)).inc()
    REQUEST_SECONDS.labels(route).observe(seconds)


def count_batch(pictures: int, seconds: float) -> None:
    """One call of the core."""
    BATCH_PICTURES.observe(pictures)
    INFERENCE_SECONDS.observe(seconds)


def count_picture(timings: Mapping[str, float], plates: int) -> None:
    """One picture with a reading; `timings` are milliseconds by stage of the core."""
    RECOGNITIONS.labels("reading").inc()
    PLATES.inc(plates)
    for stage, ms in timings.items():
        STAGE_SECONDS.labels(stage).observe(ms / 1000)


def count_failure(code: str) -> None:
    """One picture that ended without a reading; `code` is the core's or the worker's."""
    RECOGNITIONS.labels("failure").inc()
    FAILURES.labels(code).inc()


def count_retry() -> None:
    """One run of a job that ended without an outcome: the job is run again, or fails for good."""
    RECOGNITIONS.labels("retry").inc()


def count_wait(queue: float, total: float) -> None:
    """How long a job waited for a worker, and how long it took in all, in seconds."""
    STAGE_SECONDS.labels("queue").observe(max(0.0, queue))
    STAGE_SECONDS.labels("total").observe(max(0.0, total))


def count_attempt(outcome: str, seconds: float, age: float) -> None:
    """One attempt at a delivery: `outcome` is delivered, pending or failed, `age` seconds since the reading."""
    ATTEMPTS.labels(outcome).inc()
    ATTEMPT_SECONDS.observe(seconds)
    if outcome != "pending":
        DELIVERIES.labels(outcome).inc()
    if outcome == "delivered":
        DELIVERY_SECONDS.observe(max(0.0, age))


def count_lookup(register: str, end: str, number: int = 1) -> None:
    """Look-ups in a register (register, dvla or rdw) that ended so; see LOOKUPS."""
    LOOKUPS.labels(register, end).inc(number)
