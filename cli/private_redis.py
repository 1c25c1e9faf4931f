"""A redis-server of our own in the data folder, for who has none."""

import contextlib
import os
import secrets
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from cli.data_folder import DataFolder, write_private
from cli.errors import UserError

STOP_SECONDS = 30.0  # writes its append-only file to the disk before it ends
START_SECONDS = 10.0
# Below the ports that Linux hands out to outgoing connections: the port stays free while a dead server is restarted.
PORTS = range(20000, 32000)
SERVERS = ("redis-server", "valkey-server")


def running_address(folder: DataFolder) -> str | None:
    """The URL of the Redis that serves `folder` now, or None."""
    try:
        url = folder.address.read_text().strip()
    except OSError:
        return None
    return url if url and _answers(url) else None


class PrivateRedis:
    """The redis-server of a data folder. It listens on this machine only, on a port and with a password of its own.

    A unix socket would do without both, but not every client of the service takes the URL of one. Make one only while
    you hold the folder's lock: it writes the server's configuration.
    """

    def __init__(self, folder: DataFolder) -> None:
        self._folder = folder
        self._port = _free_port()
        self._password = secrets.token_hex(24)
        # redis-cli sends an empty name as it is, and is refused: operators look into the store with this address.
        self.url = f"redis://default:{self._password}@127.0.0.1:{self._port}/0"
        configuration = folder.path / "redis.conf"
        write_private(configuration, self._configuration())
        self.command = [_server(), str(configuration)]

    def announce(self) -> None:
        """Let other commands find the running server through the data folder."""
        write_private(self._folder.address, self.url + "\n")

    def retract(self) -> None:
        self._folder.address.unlink(missing_ok=True)

    def answers(self) -> bool:
        """Whether the server has loaded its files and answers."""
        return _answers(self.url)

    @contextlib.contextmanager
    def running(self, lock: int) -> Iterator[None]:
        """Run the server for the length of the block. `lock` is the data folder's lock, see `DataFolder.locked`."""
        process = subprocess.Popen(  # noqa: S603 - our own command line
            self.command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            pass_fds=(lock,),
        )
        try:
            until = time.monotonic() + START_SECONDS
            while not self.answers():
                if process.poll() is not None:
                    raise UserError(f"redis-server did not start on {self._folder.path}: {_last_line(process)}")
                if time.monotonic() > until:
                    raise UserError(f"redis-server did not answer within {START_SECONDS:g} s on {self._folder.path}.")
                time.sleep(0.02)
            yield
        finally:
            process.terminate()
            process.communicate()

    def _configuration(self) -> str:
        lines = {
            "bind": "127.0.0.1",
            "port": str(self._port),
            "requirepass": self._password,
            "dir": _quoted(self._folder.redis),
            "daemonize": "no",
            "appendonly": "yes",
            "appendfsync": "everysec",
            "save": '""',
            # A queue must refuse new work when it is full, never forget work that it took.
            "maxmemory-policy": "noeviction",
            "maxmemory": str(_quarter_of_memory()),
            "loglevel": "warning",
        }
        return "".join(f"{name} {setting}\n" for name, setting in lines.items())


def _answers(url: str) -> bool:
    client = redis.Redis.from_url(url, socket_timeout=2, socket_connect_timeout=2, retry=Retry(NoBackoff(), 0))
    try:
        return bool(client.ping())
    except (redis.RedisError, ValueError):
        return False
    finally:
        client.close()


def _free_port() -> int:
    while True:
        port = secrets.choice(PORTS)
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port


def _server() -> str:
    for name in SERVERS:
        if path := shutil.which(name):
            return path
    raise UserError("redis-server is missing: install it (Debian: apt-get install redis-server) or set REDIS_URL.")


def _quarter_of_memory() -> int:
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // 4


def _quoted(path: Path) -> str:
    text = str(path)
    if "\n" in text:
        raise UserError("The data folder's path must not hold a line break.")
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _last_line(process: "subprocess.Popen[bytes]") -> str:
    output = process.communicate()[0].decode(errors="replace").strip()
    return output.splitlines()[-1] if output else f"status {process.returncode}"
