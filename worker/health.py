"""`python -m worker.health`: exit status 0 when a worker on this host gave a sign of life lately, else 1."""

from __future__ import annotations

import socket
import sys

from platehost.health import live_workers
from platehost.settings import Settings
from platehost.store import RedisError, connect_probe


def main() -> int:
    try:
        hosts = live_workers(connect_probe(Settings.from_env().redis_url))
    except RedisError as error:
        print(f"The store cannot be reached: {error}", file=sys.stderr)
        return 1
    if socket.gethostname() not in hosts:
        print("No worker on this host gave a sign of life in the last 30 seconds.", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
