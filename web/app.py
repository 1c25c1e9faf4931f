"""The Flask application: which modules there are, and in which order they see a request."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from flask import Flask
from werkzeug.middleware.proxy_fix import ProxyFix

from platehost.settings import Settings
from web import (
    access_log,
    auth,
    codeproject,
    cors,
    dashboard,
    document,
    errors,
    health,
    jobs,
    licences,
    limits,
    npr,
    recognise,
    sdk,
    snapshot,
    unread,
    webhooks,
)
from web.answers import WholeResponse
from web.service import build
from web.uploads import FIELDS_BYTES, TEXT_OVERHEAD, FormRequest

if TYPE_CHECKING:
    from collections.abc import Iterable

    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment


def create_app(settings: Settings, face: str | None = None) -> Flask:
    """The application of one port. `face` is "cloud" or "sdk", the settings' own if not given.

    Raises SettingError for settings that cannot be used.
    """
    face = face or settings.face
    app = Flask(__name__, static_folder=None)
    app.request_class = FormRequest
    app.response_class = WholeResponse
    # A picture may come as base64 text: Flask's own limit for text fields is 500 kB.
    body_limit = int(settings.max_upload_bytes * TEXT_OVERHEAD) + FIELDS_BYTES
    app.config.update(MAX_CONTENT_LENGTH=body_limit, MAX_FORM_MEMORY_SIZE=body_limit)
    app.json.sort_keys = False  # type: ignore[attr-defined]
    _serve_any_slashes(app)
    _believe_proxies(app, settings.proxies)
    app.extensions["platehost"] = build(settings)

    # The SDK never throttles: its clients end at the first 429.
    limited = [npr.blueprint] if face == "sdk" else [snapshot.blueprint, npr.blueprint, codeproject.blueprint]

    access_log.register(app)
    unread.register(app, settings.web_threads)
    limits.register_refusals(app, limited)
    auth.register(app, keyless=face == "sdk")
    cors.register(app)
    errors.register(app)
    recognise.register(app)
    cloud = (snapshot.blueprint, snapshot.statistics_blueprint, licences.blueprint)
    for blueprint in (
        *((sdk.blueprint,) if face == "sdk" else cloud),
        npr.blueprint,
        codeproject.blueprint,
        jobs.blueprint,
        webhooks.blueprint,
        health.blueprint,
        document.blueprint,
        document.page_blueprint,
    ):
        app.register_blueprint(blueprint)
    limits.register(app, limited, snapshot=face != "sdk")
    # A second port for clients of the SDK has none.
    if settings.dashboard == "on" and face == settings.face:
        dashboard.register(app, at_root=face == "cloud")
    return app


def create_probes(settings: Settings) -> Flask:
    """The application of a port that answers probes alone."""
    app = Flask(__name__, static_folder=None)
    _serve_any_slashes(app)
    app.extensions["platehost"] = build(settings)
    errors.register(app)
    app.register_blueprint(health.blueprint)
    return app


def _serve_any_slashes(app: Flask) -> None:
    # Clients post with and without the trailing slash, and many do not follow a redirect.
    app.url_map.strict_slashes = False
    app.url_map.merge_slashes = False
    app.wsgi_app = _SingleSlashes(app.wsgi_app)  # type: ignore[method-assign]


def _believe_proxies(app: Flask, number: int) -> None:
    if number:
        believed = ProxyFix(app.wsgi_app, x_for=number, x_proto=number, x_host=number)
        app.wsgi_app = believed  # type: ignore[method-assign]


class _SingleSlashes:
    """Clients that join a base URL and a path ask for `//v1/plate-reader/`; a redirect would lose their POST."""

    def __init__(self, wrapped: WSGIApplication) -> None:
        self._wrapped = wrapped

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        environ["PATH_INFO"] = re.sub("/{2,}", "/", environ.get("PATH_INFO", ""))
        return self._wrapped(environ, start_response)
