"""The application in this process for what needs no browser; the whole service and chromium for what does."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
import redis
from argon2 import PasswordHasher
from flask import Flask
from flask.testing import FlaskClient
from playwright.sync_api import Browser, sync_playwright

from platehost import users
from platehost.users import MEMBER as MEMBER_ROLE
from platehost.users import OWNER as OWNER_ROLE
from platehost.users import Users
from tests.dashboard.support import MEMBER, OWNER, PASSWORD, browser_path, sign_in
from tests.service.conftest import app, client, key, pack, photo, redis_server, settings, store, token
from tests.service.support import Processes, RedisServer

__all__ = ["app", "client", "key", "pack", "photo", "redis_server", "settings", "store", "token"]


@pytest.fixture(autouse=True)
def cheap_hashes(monkeypatch: pytest.MonkeyPatch) -> None:
    """Hashes that are made to be slow would be most of these tests' time; test_users.py has the real ones."""
    monkeypatch.setattr(users, "_hasher", PasswordHasher(time_cost=1, memory_cost=8, parallelism=1))
    users._nobodys_hash.cache_clear()


@pytest.fixture
def people(store: redis.Redis) -> Users:
    """An owner and a member of the main account."""
    known = Users(store)
    known.add(OWNER, PASSWORD, role=OWNER_ROLE)
    known.add(MEMBER, PASSWORD, role=MEMBER_ROLE)
    return known


@pytest.fixture
def owner(client: FlaskClient, people: Users) -> FlaskClient:
    """A client whose owner is signed in."""
    assert sign_in(client).status_code == 302
    return client


@pytest.fixture
def member(app: Flask, people: Users) -> FlaskClient:
    """A client whose member is signed in."""
    made = app.test_client()
    assert sign_in(made, MEMBER).status_code == 302
    return made


@pytest.fixture(scope="session")
def service(redis_server: RedisServer, pack: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Processes]:
    """The whole service with its real worker, with users, some months of usage, and readings that are kept."""
    settings = {
        "PLATEHOST_PACK": pack,
        "PLATEHOST_READINGS_KEEP": "604800",
        "PLATEHOST_WEBHOOK_ALLOW": "127.0.0.0/8",
        "PLATEHOST_SYNC_WINDOW": "60",
    }
    processes = Processes(tmp_path_factory.mktemp("dashboard"), redis_server, settings)
    store = redis_server.client()
    known = Users(store)
    known.add(OWNER, PASSWORD, role=OWNER_ROLE)
    known.add(MEMBER, PASSWORD, role=MEMBER_ROLE)
    _count_some(store)
    try:
        processes.start_all()
        yield processes
    finally:
        processes.stop_all()


@pytest.fixture(scope="module")  # its event loop runs while it is open: other tests need to run one of their own
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        # As root, which tests in containers are, chromium has no sandbox.
        launched = playwright.chromium.launch(executable_path=browser_path(), args=["--no-sandbox"])
        yield launched
        launched.close()


def _count_some(store: redis.Redis) -> None:
    now = datetime.now(UTC)
    for back in range(60):
        day = now - timedelta(days=back)
        calls = 40 + (back * 37) % 90
        store.set(f"platehost:usage:main:{day:%Y-%m-%d}", calls)
        store.incrby(f"platehost:usage:main:{day:%Y-%m}", calls)
