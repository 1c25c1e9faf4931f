"""The application object of a web process, for granian (`web.wsgi:application`, a factory) or any WSGI server."""

from __future__ import annotations

from flask import Flask

from platehost import logs
from platehost.settings import Settings
from web.app import create_app


def application() -> Flask:
    """The application with the settings of the environment."""
    settings = Settings.from_env()
    logs.configure("web", settings.log_level)
    return create_app(settings)
