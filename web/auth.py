"""API keys: `Authorization: Token <key>` or `Bearer <key>`, the same keys on every face."""

from __future__ import annotations

from datetime import UTC, datetime

from flask import Flask, current_app, g, request

from platehost.keys import Key
from platehost.plans import Plan
from web.errors import ApiError, is_npr_path
from web.service import service

SCHEMES = {"token", "bearer"}
OPEN_BLUEPRINTS = {"health", "document", "document_page", "dashboard"}

# On a port for clients of the SDK: these send no key, or one that means nothing here.
KEYLESS_BLUEPRINTS = {"sdk", "codeproject"}
# There, a job may be looked after without a key, and must be with the right one.
KEY_OPTIONAL_BLUEPRINTS = {"jobs"}
_NO_KEY_SINCE = datetime(1970, 1, 1, tzinfo=UTC)


def register(app: Flask, *, keyless: bool) -> None:
    """Checks the key before every request of a face; register it before the limiter, which counts by key.

    `keyless` is for a port that clients of the SDK call: their requests belong to one account.
    """
    app.extensions["platehost_keyless"] = keyless
    app.before_request(_authenticate)


def current_key() -> Key:
    """The key of the current request, which has passed `_authenticate`."""
    key: Key = g.key
    return key


def current_plan() -> Plan:
    """What the account of the current request may do."""
    if g.plan is None:
        g.plan = service().accounts.plan(current_key().account)
    plan: Plan = g.plan
    return plan


def _authenticate() -> None:
    g.key = g.plan = None
    if request.blueprint is None or request.blueprint in OPEN_BLUEPRINTS or request.method == "OPTIONS":
        return
    if current_app.extensions["platehost_keyless"] and _may_go_without_key(request.blueprint):
        g.key = Key("none", service().settings.sdk_account, "without a key", _NO_KEY_SINCE)
        return
    scheme, _, secret = request.headers.get("Authorization", "").strip().partition(" ")
    if not scheme:
        raise _refusal("Authentication credentials were not provided.")
    if scheme.lower() not in SCHEMES or not secret.strip():
        raise _refusal("Invalid token header. Send `Authorization: Token <key>` or `Authorization: Bearer <key>`.")
    access = service().accounts.find_access(secret.strip())
    if access is None:
        raise _refusal("Invalid token.")
    g.key, g.plan = access.key, access.plan


def _may_go_without_key(blueprint: str) -> bool:
    if blueprint in KEYLESS_BLUEPRINTS:
        return True
    return blueprint in KEY_OPTIONAL_BLUEPRINTS and not request.headers.get("Authorization", "").strip()


def _refusal(message: str) -> ApiError:
    if is_npr_path(request.path):
        return ApiError(401, message, headers={"WWW-Authenticate": "Bearer"})
    return ApiError(403, message)
