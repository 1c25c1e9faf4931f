"""`python -m web`: serves HTTP until it is stopped. Exit status 0 after a stop, 2 when it cannot start."""

from __future__ import annotations

import math
import socket
import sys

from granian.constants import HTTPModes, Interfaces
from granian.log import LogLevels
from granian.server import Server

from platehost.settings import SettingError, Settings
from web.app import create_app


def main() -> int:
    try:
        settings = Settings.from_env()
        create_app(settings)  # a bad setting is told here, once, not by every process that granian starts
    except SettingError as error:
        print(error, file=sys.stderr)
        return 2
    if taken := _taken(settings.host, settings.port):
        print(f"Cannot listen on {settings.host}:{settings.port}: {taken}. Set PLATEHOST_PORT.", file=sys.stderr)
        return 2
    Server(
        "web.wsgi:application",
        address=settings.host,
        port=settings.port,
        interface=Interfaces.WSGI,
        factory=True,
        workers=settings.web_processes,
        blocking_threads=settings.web_threads,
        http=HTTPModes.http1,
        websockets=False,
        log_level=LogLevels.error,
        respawn_failed_workers=True,
        # Requests that wait are answered before the process ends.
        workers_kill_timeout=math.ceil(settings.sync_window) + 5,
    ).serve()
    return 0


def _taken(host: str, port: int) -> str | None:
    """Why the port cannot be had, None when it can."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            return error.strerror
    return None


if __name__ == "__main__":
    sys.exit(main())
