"""What holds for every page: a session, a form's token, and headers that keep a browser from harm."""

from __future__ import annotations

import logging
import secrets

from flask import Flask, Response, current_app, g, make_response, render_template, request, session
from flask_wtf.csrf import CSRFError, CSRFProtect  # type: ignore[import-untyped]
from werkzeug.exceptions import HTTPException, RequestEntityTooLarge
from werkzeug.wrappers import Response as AnyResponse

from platehost.jobs import QueueFull
from platehost.store import RedisError, is_outage
from platehost.usage import QuotaUsedUp
from web.dashboard.blueprint import blueprint
from web.dashboard.people import find_user, to_sign_in
from web.errors import ApiError
from web.service import service

log = logging.getLogger("web")

SECRET = "platehost:dashboard:secret"  # noqa: S105 - the name of a key in Redis

# Pages that one may see without a session.
OPEN = {
    f"dashboard.{name}"  # the form, and what it is sent to
    for name in ("sign_in", "sign_in_post", "setup", "setup_post", "static")
}

# All that a page needs comes from here, and nothing is inline.
_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; form-action 'self'; "
    "base-uri 'none'; frame-ancestors 'none'"
)
_HEADERS = {
    "Content-Security-Policy": _POLICY,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), microphone=(), geolocation=()",
}

_csrf = CSRFProtect()


def register(app: Flask) -> None:
    # Only the dashboard's forms: clients of the APIs send a key, never a cookie.
    app.config.update(WTF_CSRF_CHECK_DEFAULT=False, WTF_CSRF_TIME_LIMIT=None)
    _csrf.init_app(app)


@blueprint.before_request
def _check() -> AnyResponse | None:
    g.user = None
    if request.endpoint == "dashboard.static":
        return None
    if getattr(session, "outage", False):
        return _page(503, "The store is not reachable", "The service's store does not answer. Try again in a moment.")
    # Looked up each time: a back-up that is restored beside a running web brings the secret of its own sessions.
    current_app.secret_key = service().settings.secret_key or _kept_secret()
    g.user = find_user()
    if g.user is None and request.endpoint not in OPEN:
        return to_sign_in()
    _csrf.protect()
    return None


@blueprint.after_request
def _protect(response: Response) -> Response:
    response.headers.update(_HEADERS)
    if request.endpoint == "dashboard.static":
        # The address changes with the content.
        response.headers["Cache-Control"] = "public, max-age=31536000, immutable"
    elif "Cache-Control" not in response.headers:
        response.headers["Cache-Control"] = "no-store"
    return response


@blueprint.errorhandler(CSRFError)
def _forged(error: CSRFError) -> AnyResponse:
    return _page(400, "This form is out of date", "It was not sent by a page of this session. Open the page again.")


@blueprint.errorhandler(HTTPException)
def _http_error(error: HTTPException) -> AnyResponse:
    if isinstance(error, RequestEntityTooLarge):
        limit = service().settings.max_upload_mb
        return _page(413, "Too large", f"A picture may have {limit:g} MB. Choose a smaller one.")
    titles = {403: "Not for you", 404: "There is no such page", 405: "Not possible"}
    texts = {404: "It may have been removed, or its time is over."}
    status = error.code or 500
    return _page(status, titles.get(status, error.name), texts.get(status) or error.description or "")


@blueprint.errorhandler(ApiError)
def _api_error(error: ApiError) -> AnyResponse:
    return _page(error.status, "That did not work", error.message)


@blueprint.errorhandler(QueueFull)
def _queue_full(error: QueueFull) -> AnyResponse:
    return _page(503, "The queue is full", "Too many pictures are waiting already. Try again in a moment.")


@blueprint.errorhandler(QuotaUsedUp)
def _quota_used_up(error: QuotaUsedUp) -> AnyResponse:
    quota = error.quota
    return _page(
        403,
        "The calls of this month are used up",
        f"The plan gives {quota.calls} calls a month. New ones come on {quota.resets_on:%Y-%m-%d} (UTC).",
    )


@blueprint.errorhandler(RedisError)
def _store_error(error: RedisError) -> AnyResponse:
    if not is_outage(error):
        return _unforeseen(error)
    log.warning("the store is not reachable", extra={"fields": {"error": str(error)}})
    return _page(503, "The store is not reachable", "The service's store does not answer. Try again in a moment.")


@blueprint.errorhandler(Exception)
def _unforeseen(error: Exception) -> AnyResponse:
    log.error("unforeseen error", exc_info=error, extra={"fields": {"request_id": g.get("request_id")}})
    return _page(500, "Something went wrong", "The server's log has the reason.")


def _page(status: int, title: str, text: str) -> AnyResponse:
    g.error = title
    response = make_response(render_template("dashboard/error.html", title=title, text=text, status=status), status)
    response.headers["Cache-Control"] = "no-store"
    return response


def _kept_secret() -> str:
    store = service().store
    kept = store.get(SECRET)
    if kept is None:
        store.set(SECRET, secrets.token_hex(32), nx=True)
        kept = store.get(SECRET)
    return str(kept.decode())


@blueprint.get("/<path:unknown>")
def unknown(unknown: str) -> AnyResponse:
    """What no page answers: a page and not the APIs' JSON."""
    return _page(404, "There is no such page", "It may have been removed, or its time is over.")
