"""The application object of a web process, for granian (`web.wsgi:application`, a factory) or any WSGI server."""

from __future__ import annotations

import ctypes
import multiprocessing
import signal

from flask import Flask

from platehost import logs
from platehost.settings import Settings
from web.app import create_app

_PR_SET_PDEATHSIG = 1  # linux/prctl.h


def application() -> Flask:
    """The application with the settings of the environment."""
    if multiprocessing.parent_process() is not None:
        _end_with_parent()
    settings = Settings.from_env()
    logs.configure("web", settings.log_level)
    return create_app(settings)


def _end_with_parent() -> None:
    """A serving process whose starter was killed would keep the port, and no new web process could have it."""
    libc = ctypes.CDLL(None)
    if hasattr(libc, "prctl"):
        libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
