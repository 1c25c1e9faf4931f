"""How often somebody may try a password or a set-up code: per address, and per name from all addresses together."""

from __future__ import annotations

from flask import current_app, request
from limits import RateLimitItemPerMinute
from limits.storage import storage_from_string
from limits.strategies import MovingWindowRateLimiter

from web.service import service

PER_ADDRESS = RateLimitItemPerMinute(20, 5)
PER_NAME = RateLimitItemPerMinute(10, 5)
MINUTES = 5


def allowed(name: str) -> bool:
    """Counts an attempt; False when there were too many. Known and unknown names are counted alike."""
    limiter = _limiter()
    # An address that is refused already uses up no name: it would lock out whom it likes.
    if not limiter.hit(PER_ADDRESS, "platehost-sign-in", "address", request.remote_addr or ""):
        return False
    return bool(limiter.hit(PER_NAME, "platehost-sign-in", "name", name[:200]))


def forgive(name: str) -> None:
    """A right password ends the count of the name's wrong ones."""
    _limiter().clear(PER_NAME, "platehost-sign-in", "name", name[:200])


def _limiter() -> MovingWindowRateLimiter:
    known: MovingWindowRateLimiter | None = current_app.extensions.get("platehost_attempts")
    if known is None:
        storage = storage_from_string(service().settings.redis_url, connection_pool=service().store.connection_pool)
        known = current_app.extensions["platehost_attempts"] = MovingWindowRateLimiter(storage)
    return known
