"""Limits per key, and what a slow or lost store of limits costs."""

from __future__ import annotations

import dataclasses
import io
import signal
import subprocess
from pathlib import Path

import pytest
import redis

from platehost.accounts import Accounts
from platehost.settings import Settings
from tests.service.support import RedisServer
from web.app import create_app

JPEG = b"\xff\xd8\xff"


def test_each_key_has_a_limit_of_its_own(settings: Settings, store: redis.Redis) -> None:
    client = create_app(dataclasses.replace(settings, rate_limit="1 per hour", sync_window=0)).test_client()
    for name in ("first", "second"):
        headers = {"Authorization": f"Bearer {Accounts(store).create_key(name)}"}
        statuses = [
            client.post("/api/v1/recognise", headers=headers, data={"upload": (io.BytesIO(JPEG), "a.jpg")}).status_code
            for _ in range(2)
        ]
        assert statuses == [202, 429]


def test_probes_are_never_limited(settings: Settings) -> None:
    client = create_app(dataclasses.replace(settings, rate_limit="1 per hour")).test_client()
    assert [client.get("/healthz").status_code for _ in range(3)] == [200, 200, 200]


def test_a_frozen_store_of_limits_is_counted_around(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Only the limiter's own part: everything else of a request needs the store, too."""
    server = RedisServer(tmp_path)
    server.start()
    process = server._process
    assert isinstance(process, subprocess.Popen)
    try:
        app = create_app(Settings(redis_url=server.url, rate_limit="3 per hour"))
        process.send_signal(signal.SIGSTOP)
        # 401 comes from a request that found no key in its header, so that only the limiter asks the store.
        client = app.test_client()
        for _ in range(2):
            answer = client.get("/api/v1/jobs/x")
            assert answer.status_code == 401
            assert answer.headers["X-RateLimit-Limit"] == "3"
    finally:
        process.send_signal(signal.SIGCONT)
        server.stop()
