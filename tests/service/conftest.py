"""A private Redis, the web application in this process, and the whole service in processes of its own."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import hypothesis
import pytest
import redis
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from platehost.accounts import Accounts
from platehost.settings import Settings, default_pack
from tests.service.documented import document
from tests.service.support import SAMPLE, Processes, RedisServer, free_port
from web.app import create_app

# A busy machine is no reason to fail: no test here is about time.
hypothesis.settings.register_profile("service", deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow])
hypothesis.settings.load_profile("service")


@pytest.fixture(autouse=True)
def documented(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every answer that a test gets from a test client is one that the APIs' document tells of."""
    opened = FlaskClient.open

    def open_and_check(client: FlaskClient, *arguments: Any, **options: Any) -> TestResponse:
        answer = opened(client, *arguments, **options)
        document().check(answer.request.method, answer)
        return answer

    monkeypatch.setattr(FlaskClient, "open", open_and_check)


@pytest.fixture(scope="session")
def pack() -> str:
    """The pack that workers load: the one that ships, or the one that the environment names."""
    return os.environ.get("PLATEHOST_PACK") or default_pack()


@pytest.fixture(scope="session")
def redis_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    assert shutil.which("redis-server"), "redis-server is not installed: apt-get install redis-server"
    server = RedisServer(tmp_path_factory.mktemp("redis"))
    server.start()
    yield server
    server.stop()


@pytest.fixture
def store(redis_server: RedisServer) -> Iterator[redis.Redis]:
    """A client of an empty database of its own, apart from the running service's."""
    client = redis.Redis(port=redis_server.port, db=1)
    client.flushdb()
    yield client
    client.flushdb()


@pytest.fixture
def settings(redis_server: RedisServer, store: redis.Redis) -> Settings:
    return Settings(
        redis_url=f"redis://127.0.0.1:{redis_server.port}/1",
        sync_window=0.2,
        max_upload_mb=1,
        rate_limit="100000 per second",
    )


@pytest.fixture
def app(settings: Settings) -> Flask:
    return create_app(settings)


@pytest.fixture
def client(app: Flask) -> FlaskClient:
    return app.test_client()


@pytest.fixture
def key(store: redis.Redis) -> str:
    return Accounts(store).create_key("test")


@pytest.fixture
def token(key: str) -> dict[str, str]:
    """Headers that carry a valid key."""
    return {"Authorization": f"Token {key}"}


@pytest.fixture(scope="session")
def photo() -> bytes:
    """The rendered sample picture; its plate reads PHST482."""
    return SAMPLE.read_bytes()


@pytest.fixture(scope="session")
def running(redis_server: RedisServer, pack: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Processes]:
    """The whole service, for tests that do not harm it."""
    ports = {"PLATEHOST_SDK_PORT": str(free_port()), "PLATEHOST_PROBE_PORT": str(free_port())}
    processes = Processes(tmp_path_factory.mktemp("service"), redis_server, {"PLATEHOST_PACK": pack, **ports})
    try:
        processes.start_all()
        yield processes
    finally:
        processes.stop_all()


@pytest.fixture(scope="session")
def running_key(running: Processes) -> str:
    return Accounts(running.server.client()).create_key("running")


@pytest.fixture
def own(pack: str, tmp_path: Path) -> Iterator[Processes]:
    """A service with a Redis of its own that the test starts, harms and stops."""
    server = RedisServer(tmp_path)
    server.start()
    processes = Processes(tmp_path, server, {"PLATEHOST_PACK": pack})
    try:
        yield processes
    finally:
        processes.stop_all()
        server.stop()
