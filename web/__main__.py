"""`python -m web`: serves HTTP until it is stopped. Exit status 0 after a stop, 2 when it cannot start."""

from __future__ import annotations

import socket
import sys

from platehost.settings import SettingError, Settings
from web.app import create_app
from web.listeners import listeners, serve, serve_all


def main() -> int:
    try:
        settings = Settings.from_env()
        create_app(settings)  # a bad setting is told here, once, not by every process that granian starts
    except SettingError as error:
        print(error, file=sys.stderr)
        return 2
    wanted = listeners(settings)
    ports: dict[int, str] = {}
    for each in wanted:
        if each.port in ports:
            print(f"{ports[each.port]} and {each.variable} are both {each.port}. Set one of them.", file=sys.stderr)
            return 2
        ports[each.port] = each.variable
        if taken := _taken(each.host, each.port):
            print(f"Cannot listen on {each.host}:{each.port}: {taken}. Set {each.variable}.", file=sys.stderr)
            return 2
    if len(wanted) > 1:
        return serve_all(wanted, settings)
    serve(wanted[0], settings)
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
