"""What must hold before `platehost serve` starts anything; each failure is one sentence to the user."""

import socket
import subprocess
import sys

import redis

from cli.errors import PREFIX, UserError
from platehost.settings import SettingError, Settings
from platehost.store import connect


def check_store(url: str) -> None:
    try:
        client = connect(url)
    except ValueError as error:
        raise UserError(str(error)) from error
    try:
        client.ping()
    except redis.RedisError as error:
        raise UserError(f"The Redis that REDIS_URL names does not answer: {error}.") from error
    finally:
        client.close()


def check_ports(settings: Settings) -> None:
    """Raises UserError when a port that the service is to listen on cannot be had."""
    for host, port, remedy in (
        (settings.host, settings.port, "choose another with --port"),
        (settings.host, settings.sdk_port, "choose another in PLATEHOST_SDK_PORT"),
        (settings.host, settings.probe_port, "choose another in PLATEHOST_PROBE_PORT"),
        (settings.metrics_host, settings.metrics_port, "choose another in PLATEHOST_METRICS_PORT"),
    ):
        kind = socket.AF_INET6 if ":" in host else socket.AF_INET
        with socket.socket(kind) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                # 0 means that there is none; the system then gives any.
                probe.bind((host, port))
            except OSError as error:
                reason = (error.strerror or str(error)).lower()
                raise UserError(f"Port {port} cannot be used ({reason}): {remedy}.") from error


def check_lookups(settings: Settings) -> None:
    """Raises UserError when PLATEHOST_LOOKUP names registers that cannot be asked."""
    # Here, because it brings an HTTP client that no other command needs.
    from worker.lookup.rules import check

    try:
        check(settings)
    except SettingError as error:
        raise UserError(str(error)) from error


def check_pack(pack: str) -> None:
    """Verify the model pack, in a process of its own: that of `platehost serve` has no use for the models."""
    check = [sys.executable, "-m", "cli.main", "pack", "verify", pack]
    done = subprocess.run(check, capture_output=True, text=True, check=False)  # noqa: S603 - our own command
    if done.returncode != 0:
        raise UserError(
            (done.stderr.strip().splitlines() or ["the model pack cannot be loaded"])[-1].removeprefix(PREFIX)
        )
