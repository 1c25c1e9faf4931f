"""The dashboard: pages for people, at /dashboard/, on the main port."""

from __future__ import annotations

from flask import Flask, redirect, request, url_for
from werkzeug import Response

from web.dashboard import (  # each module of pages registers its own on the blueprint
    display,
    guard,
    keys,
    members,
    overview,
    readings,
    sign_in,
    system,
    try_it,
    usage,
    webhooks,
)
from web.dashboard.blueprint import blueprint
from web.dashboard.sessions import RedisSessions
from web.service import Service

PAGES = (overview, sign_in, try_it, keys, webhooks, usage, readings, system, members)


def register(app: Flask, *, at_root: bool) -> None:
    """Adds the pages to an application. `at_root` sends browsers that ask for `/` there."""
    built: Service = app.extensions["platehost"]
    app.session_interface = RedisSessions(built.store, built.settings)
    guard.register(app)
    display.register(app)
    app.register_blueprint(blueprint)
    if at_root:
        app.before_request(_lead_browsers)


def _lead_browsers() -> Response | None:
    # Probes ask for anything, or for nothing in particular; only browsers ask for a page.
    if request.path == "/" and request.method == "GET" and "text/html" in request.headers.get("Accept", ""):
        response = redirect(url_for("dashboard.overview"))
        response.vary.add("Accept")
        return response
    return None
