"""The application object of each port, for granian (`web.wsgi:application`, a factory) or any WSGI server."""

from __future__ import annotations

import gc
import multiprocessing

from flask import Flask

from platehost import logs
from platehost.metrics_store import start_reporting
from platehost.settings import Settings
from web.app import create_app, create_probes
from web.listeners import end_with_parent
from web.metrics import create_metrics


def application() -> Flask:
    """The application of the main port, with the settings of the environment."""
    return _settle(create_app(_begin(counts=True)))


def sdk() -> Flask:
    """The application of the second port, for clients of the SDK."""
    return _settle(create_app(_begin(counts=True), face="sdk"))


def probes() -> Flask:
    """The application of the port for probes."""
    return create_probes(_begin())


def metrics() -> Flask:
    """The application of the port for Prometheus."""
    return create_metrics(_begin())


def _settle(app: Flask) -> Flask:
    """Takes what was loaded out of Python's collections of garbage: a whole one would hold all requests up at once."""
    gc.collect()
    gc.freeze()
    return app


def _begin(*, counts: bool = False) -> Settings:
    if multiprocessing.parent_process() is not None:
        end_with_parent()
    settings = Settings.from_env()
    logs.configure("web", settings.log_level)
    if counts:
        start_reporting(settings)
    return settings
