"""`python -m webhooks.health`: exit status 0 when webhooks on this host gave a sign of life lately, else 1."""

from __future__ import annotations

import socket
import sys

from platehost.health import live_webhooks
from platehost.settings import Settings
from platehost.store import RedisError, connect_probe


def main() -> int:
    try:
        alive = live_webhooks(connect_probe(Settings.from_env().redis_url), socket.gethostname())
    except RedisError as error:
        print(f"The store cannot be reached: {error}", file=sys.stderr)
        return 1
    if not alive:
        print("No webhooks process on this host gave a sign of life in the last 30 seconds.", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
