"""One log line and one count per request, without keys, query strings or pictures; an id, given back in a header."""

from __future__ import annotations

import logging
import re
import time
import uuid

from flask import Flask, Response, g, request

from platehost import logs, metrics

log = logging.getLogger("web.access")

_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")
_QUIET = {"/healthz", "/readyz", "/liveliness/", "/readiness/"}


def register(app: Flask) -> None:
    """Register it first, so that the time includes all that follows."""
    app.before_request(_begin)
    app.after_request(_end)


def _begin() -> None:
    g.began = time.perf_counter()
    sent = request.headers.get("X-Request-Id", "")
    g.request_id = sent if _ID.fullmatch(sent) else uuid.uuid4().hex
    logs.bind_request(g.request_id)


def _end(response: Response) -> Response:
    response.headers["X-Request-Id"] = g.request_id
    seconds = time.perf_counter() - g.began
    if request.path not in _QUIET:
        metrics.count_request(
            request.url_rule.rule if request.url_rule else None, request.method, response.status_code, seconds
        )
    key = g.get("key")
    fields = {
        "method": request.method,
        "path": request.path,
        "status": response.status_code,
        "ms": round(seconds * 1000, 1),
        "bytes_in": request.content_length,
        "key_id": key.id if key else None,
        "account": key.account if key else None,
        "job_id": g.get("job_id"),
        "error": g.get("error"),
    }
    level = logging.DEBUG if request.path in _QUIET else logging.INFO
    log.log(level, "request", extra={"fields": {name: value for name, value in fields.items() if value is not None}})
    return response
