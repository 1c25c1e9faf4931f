"""API keys: `Authorization: Token <key>` or `Bearer <key>`, the same keys on every face."""

from __future__ import annotations

from flask import Flask, g, request

from platehost.accounts import Key
from web.errors import ApiError, is_npr_path
from web.service import service

SCHEMES = {"token", "bearer"}
OPEN_BLUEPRINTS = {"health"}


def register(app: Flask) -> None:
    """Checks the key before every request of a face; register it before the limiter, which counts by key."""
    app.before_request(_authenticate)


def current_key() -> Key:
    """The key of the current request, which has passed `_authenticate`."""
    key: Key = g.key
    return key


def _authenticate() -> None:
    g.key = None
    if request.blueprint is None or request.blueprint in OPEN_BLUEPRINTS or request.method == "OPTIONS":
        return
    scheme, _, secret = request.headers.get("Authorization", "").strip().partition(" ")
    if not scheme:
        raise _refusal("Authentication credentials were not provided.")
    if scheme.lower() not in SCHEMES or not secret.strip():
        raise _refusal("Invalid token header. Send `Authorization: Token <key>` or `Authorization: Bearer <key>`.")
    g.key = service().accounts.find_key(secret.strip())
    if g.key is None:
        raise _refusal("Invalid token.")


def _refusal(message: str) -> ApiError:
    if is_npr_path(request.path):
        return ApiError(401, message, headers={"WWW-Authenticate": "Bearer"})
    return ApiError(403, message)
