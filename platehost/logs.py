"""Logs as one JSON object a line on standard output. Never a key, a password or a picture.

A request's id goes with its job, and with the job's deliveries: lines of web, worker and webhooks that belong to one
request have the same `request_id`.
"""

from __future__ import annotations

import json
import logging
import sys
from contextvars import ContextVar
from datetime import UTC, datetime
from typing import Any

_request_id: ContextVar[str] = ContextVar("request_id", default="")


def bind_request(request_id: str) -> None:
    """From now on, what this thread does and logs belongs to this request; empty: to none."""
    _request_id.set(request_id)


def current_request() -> str:
    """The id of the request that this thread works on, empty when it works on none."""
    return _request_id.get()


class JsonLines(logging.Formatter):
    """`extra={"fields": {...}}` of a log call becomes members of the object."""

    def __init__(self, process: str) -> None:
        super().__init__()
        self._process = process

    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, Any] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "process": self._process,
            "logger": record.name,
            "event": record.getMessage(),
        }
        if request_id := current_request():
            line["request_id"] = request_id
        line.update(getattr(record, "fields", {}))
        if record.exc_info:
            line["trace"] = self.formatException(record.exc_info)
        return json.dumps(line, ensure_ascii=False, default=str)


def for_granian(process: str) -> dict[str, Any]:
    """What granian's own logging takes as its configuration, so that its few lines are JSON, too."""
    lines = {"()": "platehost.logs.JsonLines", "process": process}
    return {"formatters": {"generic": lines, "access": lines}}


def configure(process: str, level: str) -> None:
    """Sends every logger of this process to standard output, replacing what was set up before."""
    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(JsonLines(process))
    logging.basicConfig(level=level.upper(), handlers=[handler], force=True)
    # RQ logs every job at INFO; the batch's own line says it all.
    for name in ("rq.worker", "rq.job", "rq.registry", "rq.queue"):
        logging.getLogger(name).setLevel(logging.WARNING)
