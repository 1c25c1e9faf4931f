"""The service's private Redis and processes, and receivers on loopback."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.service.conftest import app, client, documented, key, own, pack, photo, redis_server, settings, store, token
from tests.webhooks.receiver import Receiver

__all__ = ["app", "client", "documented", "key", "own", "pack", "photo", "redis_server", "settings", "store", "token"]


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    made = Receiver()
    yield made
    made.close()
