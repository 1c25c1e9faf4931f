"""How often a key may call, by Flask-Limiter; its headers on every answer of the NPR API.

When Redis is slow or away, the limiter counts in memory after at most a quarter of a second.
"""

from __future__ import annotations

import time
from typing import Any

from flask import Blueprint, Flask, Response, current_app, g, request
from flask_limiter import Limiter, RateLimitExceeded
from limits import RateLimitItem, parse
from redis.backoff import NoBackoff
from redis.retry import Retry

from platehost.settings import SettingError, Settings
from web import npr
from web.errors import ApiError, is_npr_path, respond
from web.uploads import FIELDS_BYTES

SCOPE = "requests"
BATCH = f"{npr.blueprint.name}.{npr.batch.__name__}"


def register(app: Flask, blueprints: list[Blueprint]) -> None:
    """Limits the requests of `blueprints`, together, per key. Raises SettingError for a limit that cannot be read."""
    settings = app.extensions["platehost"].settings
    try:
        limit = parse(settings.rate_limit)
    except ValueError:
        raise SettingError(f"PLATEHOST_RATE_LIMIT is {settings.rate_limit!r}; write it like '8 per second'.") from None
    limiter = Limiter(
        _caller,
        storage_uri=settings.redis_url,
        storage_options=_storage_options(settings),
        in_memory_fallback_enabled=True,
        strategy="fixed-window",
        key_prefix="platehost",
    )
    for blueprint in blueprints:
        limiter.shared_limit(settings.rate_limit, scope=SCOPE, cost=_cost)(blueprint)
    app.extensions["platehost_limiter"] = (limiter, limit)
    app.after_request(_add_headers)
    app.register_error_handler(RateLimitExceeded, _throttled)
    # Before the limiter: what fails in its own step counts for a failure of its store.
    app.before_request(_read_batch)
    limiter.init_app(app)


def _storage_options(settings: Settings) -> dict[str, Any]:
    return {
        "socket_timeout": 0.25,
        "socket_connect_timeout": 0.25,
        "retry": Retry(NoBackoff(), 0),
        "max_connections": settings.web_threads * 2,
    }


def _read_batch() -> None:
    if request.endpoint == BATCH and request.method == "POST":
        settings = current_app.extensions["platehost"].settings
        request.max_content_length = settings.max_upload_bytes * npr.MOST_IMAGES + FIELDS_BYTES
        g.batch = len(npr.batch_parts())


def _cost() -> int:
    """A batch counts as its pictures; one that could never pass counts as all that a window has."""
    limit: RateLimitItem = current_app.extensions["platehost_limiter"][1]
    return int(min(max(1, g.get("batch", 1)), limit.amount))


def _throttled(error: RateLimitExceeded) -> Response:
    seconds = max(1, round(_window()[0] - time.time()))
    unit = "second" if seconds == 1 else "seconds"
    # Clients look for the word "throttled".
    message = f"Request was throttled. Expected available in {seconds} {unit}."
    return respond(ApiError(429, message, retry_after=seconds))


def _caller() -> str:
    key = g.get("key")
    return key.id if key else f"address:{request.remote_addr}"


def _window() -> tuple[int, int]:
    """When the caller's window ends (Unix seconds) and how many requests it has left."""
    limiter: Limiter = current_app.extensions["platehost_limiter"][0]
    limit: RateLimitItem = current_app.extensions["platehost_limiter"][1]
    try:
        if limiter.current_limit:
            return limiter.current_limit.reset_at, max(0, limiter.current_limit.remaining)
        reset, remaining = limiter.limiter.get_window_stats(limit, *_window_key())
        return int(reset + 1), max(0, remaining)
    except Exception:  # whatever fails in the store of limits must not fail the request
        return int(time.time() + limit.get_expiry()), limit.amount


def _window_key() -> list[str]:
    return ["platehost", _caller(), SCOPE]


def _add_headers(response: Response) -> Response:
    if is_npr_path(request.path):
        reset, remaining = _window()
        response.headers["X-RateLimit-Limit"] = str(current_app.extensions["platehost_limiter"][1].amount)
        response.headers["X-RateLimit-Remaining"] = str(remaining)
        response.headers["X-RateLimit-Reset"] = str(reset)
    return response
