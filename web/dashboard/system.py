"""System: workers, queue, pack and versions, and who did what; for those who run the service."""

from __future__ import annotations

import platform
import tomllib
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from flask import render_template
from rq import worker_registration
from rq.queue import Queue
from rq.utils import utcparse

from platehost.audit import Audit
from platehost.health import SIGN_OF_LIFE_SECONDS, oldest_wait, queue_length, started_jobs
from platehost.jobs import QUEUE
from platehost.store import Client
from web.dashboard.blueprint import blueprint
from web.dashboard.people import current_user, operators_only
from web.service import service

LINES = 40
_STAGES = ("plate_detector", "plate_reader", "vehicle_detector", "vehicle_attributes", "make_model")


@dataclass(frozen=True)
class Worker:
    """One worker process; `lives` when it gave a sign of life lately."""

    name: str
    host: str
    pid: str
    state: str
    since: datetime | None
    seen: datetime | None
    lives: bool


@blueprint.get("/system")
@operators_only
def system() -> str:
    """How the service stands now."""
    built = service()
    memory = built.store.info("memory")
    limit = int(memory.get("maxmemory", 0))
    return render_template(
        "dashboard/system.html",
        workers=_workers(built.store),
        waiting=queue_length(built.store),
        queue_limit=built.settings.queue_limit,
        oldest=oldest_wait(built.store),
        started=started_jobs(built.store),
        memory=_megabytes(int(memory["used_memory"])),
        memory_limit=_megabytes(limit) if limit else "",
        pack=_pack(built.settings.pack),
        versions=_versions(built.store),
        lines=Audit(built.store).latest(LINES) if current_user().is_owner else None,
    )


def _workers(store: Client) -> list[Worker]:
    now = datetime.now(UTC)
    found = []
    for key in worker_registration.get_keys(queue=Queue(QUEUE, connection=store)):
        name = key.rpartition(":")[2]
        fields = store.hmget(key, "hostname", "pid", "state", "birth", "last_heartbeat", "death")
        host, pid, state = (each.decode() if each else "" for each in fields[:3])
        since, seen = _time(fields[3]), _time(fields[4])
        lives = seen is not None and not fields[5] and (now - seen).total_seconds() < SIGN_OF_LIFE_SECONDS
        if seen:
            found.append(Worker(name, host, pid, state, since, seen, lives))
    return sorted(found, key=lambda worker: (not worker.lives, worker.host, worker.name))


def _time(stamp: bytes | None) -> datetime | None:
    if not stamp:
        return None
    parsed = utcparse(stamp.decode())
    return parsed if parsed.tzinfo else parsed.replace(tzinfo=UTC)


def _pack(folder: str) -> dict[str, Any] | None:
    """What the pack's manifest says of it; None when web has no such folder, because workers run elsewhere."""
    try:
        manifest = tomllib.loads((Path(folder) / "manifest.toml").read_text())
        described = {name: manifest["pack"][name] for name in ("name", "version", "licence")}
    except (OSError, ValueError, KeyError):
        return None
    return {**described, "stages": [each.replace("_", " ") for each in _STAGES if each in manifest]}


def _versions(store: Client) -> list[tuple[str, str]]:
    names = [("Platehost", "platehost"), ("ONNX Runtime", "onnxruntime"), ("Flask", "flask"), ("RQ", "rq")]
    found = [(name, _version(package)) for name, package in names]
    return [*found, ("Python", platform.python_version()), ("Redis", str(store.info("server")["redis_version"]))]


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "not installed"


def _megabytes(count: int) -> str:
    return f"{count / 1e6:,.1f} MB".replace(",", "\u202f")
