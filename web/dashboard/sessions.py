"""Sessions in Redis: the cookie is a random id, of which the store knows only the hash.

A Flask session of our own and not Flask-Session's, which unpickles what it finds in Redis: nobody who can write to
Redis shall run code. A session ends when it is idle, at the latest some hours after sign-in, and at sign-out.
"""

from __future__ import annotations

import hashlib
import json
import logging
import secrets
import time
from typing import Any

from flask import Flask, Request, Response, request
from flask.sessions import SecureCookieSession, SessionInterface

from platehost.settings import Settings
from platehost.store import Client, RedisError
from web.dashboard.blueprint import PREFIX

log = logging.getLogger("web")

RECORD = "platehost:session:"
COOKIE = "platehost_session"
# Before sign-in a session holds only the token of a form.
VISITOR_SECONDS = 1800


class Session(SecureCookieSession):
    """`stored` is whether the store knows it; `outage` whether the store could not be asked."""

    def __init__(self, fields: dict[str, Any] | None = None, session_id: str = "", *, outage: bool = False) -> None:
        super().__init__(fields)
        self.stored = bool(session_id)
        self.id = session_id or secrets.token_urlsafe(32)
        self.old_id = ""
        self.outage = outage

    def renew(self) -> None:
        """A new id and nothing in it: whoever knew the old one knows nothing of this one."""
        self.old_id = self.old_id or (self.id if self.stored else "")
        self.id = secrets.token_urlsafe(32)
        self.stored = False
        self.clear()


class RedisSessions(SessionInterface):
    """Opens and saves the sessions of the dashboard's pages; all other paths have none."""

    def __init__(self, store: Client, settings: Settings) -> None:
        self._store = store
        self._idle = settings.session_idle
        self._longest = settings.session_longest

    def open_session(self, app: Flask, request: Request) -> Session | None:
        if not _has_session(request.path):
            return None
        cookie = request.cookies.get(COOKIE, "")
        if not cookie:
            return Session()
        try:
            stored = self._store.get(_key(cookie))
        except RedisError:
            # Told by the page's own check: Flask has no error handler this early.
            return Session(outage=True)
        fields = json.loads(stored) if stored else None
        if fields is None or fields.get("began", time.time()) + self._longest < time.time():
            return Session()
        return Session(fields, cookie)

    def save_session(self, app: Flask, session: Session, response: Response) -> None:  # type: ignore[override]
        if session.outage:
            return
        try:
            self._save(app, session, response)
        except RedisError as error:
            log.warning("a session could not be kept", extra={"fields": {"error": str(error)}})

    def _save(self, app: Flask, session: Session, response: Response) -> None:
        response.vary.add("Cookie")
        if session.old_id:
            self._store.unlink(_key(session.old_id))
        if not session:
            if session.modified and (session.stored or session.old_id):
                self._store.unlink(_key(session.id))
                response.delete_cookie(COOKIE, path=PREFIX, httponly=True, samesite="Lax")
            return
        seconds = self._seconds(session)
        if session.modified or not session.stored:
            self._store.set(_key(session.id), json.dumps(dict(session)), ex=seconds)
        else:
            self._store.expire(_key(session.id), seconds)
        if not session.stored:
            # Without an end of its own the browser drops it when it is closed.
            secure = self.get_cookie_secure(app)
            response.set_cookie(COOKIE, session.id, path=PREFIX, httponly=True, samesite="Lax", secure=secure)

    def get_cookie_secure(self, app: Flask) -> bool:
        """Secure where the request came by TLS, also by a proxy that is believed."""
        return request.is_secure

    def _seconds(self, session: Session) -> int:
        if "user" not in session:
            return VISITOR_SECONDS
        left = session["began"] + self._longest - time.time()
        return max(1, int(min(self._idle, left)))


def _has_session(path: str) -> bool:
    inside = path == PREFIX or path.startswith(PREFIX + "/")
    return inside and not path.startswith(PREFIX + "/static/")


def _key(session_id: str) -> str:
    return RECORD + hashlib.sha256(session_id.encode("utf-8", "surrogatepass")).hexdigest()
