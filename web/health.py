"""Probes, without a key and never limited: is this process up, and can recognitions be done now.

/liveliness/ and /readiness/ are the SDK's names for /healthz and /readyz.
"""

from __future__ import annotations

from flask import Blueprint, Response, jsonify

from platehost.health import live_workers, queue_length
from platehost.store import RedisError
from web.service import service

blueprint = Blueprint("health", __name__)


@blueprint.get("/")
def root() -> Response:
    """200: on-premise clients ask for this before they begin."""
    return jsonify({"name": "platehost", "status": "ok"})


@blueprint.get("/liveliness/")
@blueprint.get("/healthz")
def healthz() -> Response:
    """200 as long as this process answers; looks at nothing else."""
    return jsonify({"status": "ok"})


@blueprint.get("/readiness/")
@blueprint.get("/readyz")
def readyz() -> tuple[Response, int]:
    """200 when the store answers, a worker lives and the queue has room; else 503 that says what is missing."""
    built = service()
    checks: dict[str, str] = {}
    try:
        workers = len(live_workers(built.probe))
        waiting = queue_length(built.probe)
        checks["store"] = "ok"
        checks["worker"] = "ok" if workers else "no worker gave a sign of life lately"
        room = waiting < built.settings.queue_limit
        checks["queue"] = "ok" if room else f"{waiting} jobs are waiting, the limit is {built.settings.queue_limit}"
    except RedisError:
        checks["store"] = "not reachable within a quarter of a second"
    ready = all(each == "ok" for each in checks.values())
    return jsonify({"status": "ready" if ready else "not ready", "checks": checks}), 200 if ready else 503
