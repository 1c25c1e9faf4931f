"""A private Redis, and registers of our own on loopback that speak as the real ones do."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest
import redis

from platehost.settings import Settings
from tests.lookup.registers import Dvla, Rdw
from tests.lookup.workplace import Workplace
from tests.service.conftest import key, own, pack, redis_server, settings, store

__all__ = ["key", "own", "pack", "redis_server", "settings", "store"]


@pytest.fixture
def dvla() -> Iterator[Dvla]:
    made = Dvla()
    yield made
    made.close()


@pytest.fixture
def rdw() -> Iterator[Rdw]:
    made = Rdw()
    yield made
    made.close()


@pytest.fixture
def asking(settings: Settings, dvla: Dvla, rdw: Rdw) -> Settings:
    """Settings that ask all three registers, and wait long enough for a busy machine."""
    return replace(
        settings,
        lookup="register,gb=dvla,nl=rdw",
        lookup_timeout=30.0,
        lookup_provider_timeout=30.0,
        dvla_url=dvla.url,
        dvla_key=dvla.key,
        rdw_url=rdw.url,
    )


@pytest.fixture
def workplace(store: redis.Redis, asking: Settings) -> Workplace:
    return Workplace(store, asking)
