"""The Flask application: which modules there are, and in which order they see a request."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from flask import Flask

from platehost.settings import Settings
from web import access_log, auth, cors, errors, health, jobs, limits, npr, snapshot
from web.service import build
from web.uploads import FIELDS_BYTES, TEXT_OVERHEAD

if TYPE_CHECKING:
    from collections.abc import Iterable

    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment


def create_app(settings: Settings) -> Flask:
    """The application for these settings. Raises SettingError for settings that cannot be used."""
    app = Flask(__name__, static_folder=None)
    # A picture may come as base64 text: Flask's own limit for text fields is 500 kB.
    body_limit = int(settings.max_upload_bytes * TEXT_OVERHEAD) + FIELDS_BYTES
    app.config.update(MAX_CONTENT_LENGTH=body_limit, MAX_FORM_MEMORY_SIZE=body_limit)
    app.json.sort_keys = False  # type: ignore[attr-defined]
    # Clients post with and without the trailing slash, and many do not follow a redirect.
    app.url_map.strict_slashes = False
    app.url_map.merge_slashes = False
    app.extensions["platehost"] = build(settings)

    access_log.register(app)
    auth.register(app)
    cors.register(app)
    errors.register(app)
    faces = (snapshot.blueprint, snapshot.statistics_blueprint, npr.blueprint, jobs.blueprint, health.blueprint)
    for blueprint in faces:
        app.register_blueprint(blueprint)
    limits.register(app, [snapshot.blueprint, npr.blueprint])
    app.wsgi_app = _SingleSlashes(app.wsgi_app)  # type: ignore[method-assign]
    return app


class _SingleSlashes:
    """Clients that join a base URL and a path ask for `//v1/plate-reader/`; a redirect would lose their POST."""

    def __init__(self, wrapped: WSGIApplication) -> None:
        self._wrapped = wrapped

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        environ["PATH_INFO"] = re.sub("/{2,}", "/", environ.get("PATH_INFO", ""))
        return self._wrapped(environ, start_response)
