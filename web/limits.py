"""How often a key may call, by its account's plan and Flask-Limiter; the headers that tell it on every answer.

Rate limits are fixed windows, one per key: a window begins with the key's first request after the last one ended. When
Redis is slow or away, the limiter counts in memory after at most a quarter of a second.
"""

from __future__ import annotations

import math
import time
from functools import lru_cache

from flask import Blueprint, Flask, Response, current_app, g, request
from flask_limiter import Limiter, RateLimitExceeded
from limits import RateLimitItem, parse

from platehost.settings import SettingError
from web import npr
from web.closed_windows import ClosedWindows
from web.errors import ApiError, is_npr_path, respond
from web.turns import Lane
from web.uploads import FIELDS_BYTES, receive_body
from web.windows import PREFIX, Window, Windows, storage_options, storage_uri

SCOPE = "requests"
BATCH = f"{npr.blueprint.name}.{npr.batch.__name__}"
_EXTENSION = "platehost_limiter"
_CLOSED = "platehost_closed_windows"

parse_once = lru_cache(maxsize=256)(parse)


def register_refusals(app: Flask, blueprints: list[Blueprint]) -> None:
    """Refuses a key whose window is known to be used up; register it before keys are looked at."""
    names = {blueprint.name for blueprint in blueprints}
    closed_windows = app.extensions[_CLOSED] = ClosedWindows()
    turns = app.extensions["platehost"].turns
    turns.register(app)

    def refuse() -> Response | None:
        if request.blueprint not in names or request.method == "OPTIONS":
            return None
        authorization = request.headers.get("Authorization", "")
        closed = closed_windows.find(authorization)
        if closed is None:
            turns.begin(Lane.LOOK)
            # Those that were before may have used the window up.
            closed = closed_windows.find(authorization)
        if closed is None:
            return None
        g.key, g.plan, g.window = closed.key, closed.plan, closed.window
        return _refusal(closed.window)

    app.before_request(refuse)


def register(app: Flask, blueprints: list[Blueprint], *, snapshot: bool) -> None:
    """Limits the requests of `blueprints`, together, per key; `snapshot` tells if the Snapshot API is limited here.

    Raises SettingError for a limit that cannot be read.
    """
    settings = app.extensions["platehost"].settings
    try:
        parse(settings.rate_limit)
    except ValueError:
        raise SettingError(f"PLATEHOST_RATE_LIMIT is {settings.rate_limit!r}; write it like '8 per second'.") from None
    limiter = Limiter(
        _caller,
        storage_uri=storage_uri(settings),
        storage_options=storage_options(settings),
        in_memory_fallback_enabled=True,
        strategy="fixed-window",
        key_prefix=PREFIX,
    )
    for blueprint in blueprints:
        limiter.shared_limit(_rate, scope=SCOPE, cost=_cost)(blueprint)
    app.extensions[_EXTENSION] = limiter
    app.extensions["platehost_limited_paths"] = ("/v1/", "/api/v1/") if snapshot else ("/api/v1/",)
    app.after_request(_add_headers)
    app.register_error_handler(RateLimitExceeded, _throttled)
    # Before the limiter: what fails in its own step counts for a failure of its store.
    app.before_request(_read_batch)
    limiter.init_app(app)
    app.before_request(_close_full_window)
    app.before_request(_receive)


def _read_batch() -> None:
    if request.endpoint == BATCH and request.method == "POST":
        settings = current_app.extensions["platehost"].settings
        request.max_content_length = settings.max_upload_bytes * npr.MOST_IMAGES + FIELDS_BYTES
        with current_app.extensions["platehost"].turns.between():
            g.batch = len(npr.batch_parts())


def _receive() -> None:
    """The request passed: its picture comes next, and is worked on when it is there."""
    turns = current_app.extensions["platehost"].turns
    if g.get("lane"):
        turns.end()
        receive_body(request)
        turns.begin(Lane.READ)


def _rate() -> str:
    """The rate of the caller's plan, or that of everybody."""
    plan = g.get("plan")
    rate: str = (plan.rate if plan else None) or current_app.extensions["platehost"].settings.rate_limit
    return rate


def _cost() -> int:
    """A batch counts as its pictures; one that could never pass counts as all that a window has."""
    return int(min(max(1, g.get("batch", 1)), parse_once(_rate()).amount))


def _close_full_window() -> None:
    """The last request that a window lets pass tells that the next one need not ask."""
    counted: Window | None = g.get("window")
    if counted and counted.used >= parse_once(_rate()).amount:
        _close(counted)


def _throttled(error: RateLimitExceeded) -> Response:
    counted: Window | None = g.get("window")
    if counted:
        _close(counted)
    return _refusal(_window(parse_once(_rate())))


def _close(window: Window) -> None:
    if g.get("key"):
        authorization = request.headers.get("Authorization", "")
        current_app.extensions[_CLOSED].close(authorization, g.key, g.get("plan"), window)


def _refusal(window: Window) -> Response:
    current_app.extensions["platehost"].turns.end()
    seconds = max(1, math.ceil(window.ends - time.time()))
    unit = "second" if seconds == 1 else "seconds"
    # Clients look for the word "throttled".
    message = f"Request was throttled. Expected available in {seconds} {unit}."
    return respond(ApiError(429, message, retry_after=seconds))


def _caller() -> str:
    key = g.get("key")
    return key.id if key else f"address:{request.remote_addr}"


def _window(limit: RateLimitItem) -> Window:
    """The caller's window, the one that this request was counted in if it was; a new one when none runs."""
    counted: Window | None = g.get("window")
    return counted or _running_window(limit) or Window(0, time.time() + limit.get_expiry())


def _running_window(limit: RateLimitItem) -> Window | None:
    limiter: Limiter = current_app.extensions[_EXTENSION]
    try:
        if limiter.current_limit:  # counted in memory
            return Window(limit.amount - limiter.current_limit.remaining, limiter.current_limit.window.reset_time)
        # Without a key nothing is counted: the request was refused before.
        storage = limiter.limiter.storage
        if g.get("key") and isinstance(storage, Windows):
            return storage.look(limit, _caller(), SCOPE)
    except Exception:  # whatever fails in the store of limits must not fail the request
        current_app.logger.debug("the window of a caller could not be read", exc_info=True)
    return None


def _add_headers(response: Response) -> Response:
    if request.path.startswith(current_app.extensions["platehost_limited_paths"]) or is_npr_path(request.path):
        limit = parse_once(_rate())
        window = _window(limit)
        response.headers["X-RateLimit-Limit"] = str(limit.amount)
        response.headers["X-RateLimit-Remaining"] = str(max(0, limit.amount - window.used))
        response.headers["X-RateLimit-Reset"] = str(math.ceil(window.ends))
    return response
