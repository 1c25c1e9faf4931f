"""Real processes for the service's tests: a private Redis, web, worker, webhooks."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import redis
import requests

ROOT = Path(__file__).resolve().parents[2]
SAMPLE = ROOT / "tests" / "fixtures" / "sample.jpg"
SAMPLE_PLATE = "phst482"


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def wait_until(condition: Callable[[], object], seconds: float, what: str) -> None:
    ends = time.monotonic() + seconds
    while time.monotonic() < ends:
        if condition():
            return
        time.sleep(0.05)
    raise AssertionError(f"not within {seconds} s: {what}")


class RedisServer:
    """A redis-server of our own with an append-only file, so that a restart keeps what was written."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.port = free_port()
        self.url = f"redis://127.0.0.1:{self.port}/0"
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        options = ["--port", str(self.port), "--bind", "127.0.0.1", "--dir", str(self.folder), "--save", ""]
        with (self.folder / "redis.log").open("ab") as log:
            self._process = subprocess.Popen(
                ["redis-server", *options, "--appendonly", "yes", "--maxmemory-policy", "noeviction"],
                stdout=log,
                stderr=log,
            )
        wait_until(self._answers, 10, "redis-server answers")

    def stop(self) -> None:
        if self._process:
            self._process.terminate()
            self._process.wait(10)
            self._process = None

    def client(self) -> redis.Redis:
        return redis.Redis.from_url(self.url)

    def _answers(self) -> bool:
        try:
            return bool(self.client().ping())
        except redis.RedisError:
            return False


@dataclass
class Processes:
    """web, worker and webhooks on one Redis; `settings` are environment variables."""

    folder: Path
    server: RedisServer
    settings: dict[str, str] = field(default_factory=dict)
    port: int = field(default_factory=free_port)
    running: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def sdk_url(self) -> str:
        return f"http://127.0.0.1:{self.settings['PLATEHOST_SDK_PORT']}"

    @property
    def probe_url(self) -> str:
        return f"http://127.0.0.1:{self.settings['PLATEHOST_PROBE_PORT']}"

    def environment(self) -> dict[str, str]:
        kept = {name: text for name, text in os.environ.items() if not name.startswith("PLATEHOST_")}
        return {
            **kept,
            "REDIS_URL": self.server.url,
            "PLATEHOST_HOST": "127.0.0.1",
            "PLATEHOST_PORT": str(self.port),
            "PLATEHOST_RATE_LIMIT": "100000 per second",
            **self.settings,
        }

    def start(self, module: str, name: str | None = None) -> subprocess.Popen[bytes]:
        name = name or module
        with (self.folder / f"{name}.log").open("ab") as log:
            process = subprocess.Popen(
                [sys.executable, "-m", module], cwd=ROOT, env=self.environment(), stdout=log, stderr=log
            )
        self.running[name] = process
        return process

    def start_all(self) -> None:
        for module in ("web", "worker", "webhooks"):
            self.start(module)
        self.wait_ready()

    def wait_ready(self) -> None:
        wait_until(self.is_ready, 120, f"ready; see the logs in {self.folder}")

    def is_ready(self) -> bool:
        urls = [self.url]
        if "PLATEHOST_SDK_PORT" in self.settings:
            urls.append(self.sdk_url)
        if "PLATEHOST_PROBE_PORT" in self.settings:
            urls.append(self.probe_url)
        try:
            return all(requests.get(f"{url}/readyz", timeout=2).status_code == 200 for url in urls)
        except requests.RequestException:
            return False

    def alive(self) -> dict[str, bool]:
        return {name: process.poll() is None for name, process in self.running.items()}

    def kill(self, name: str) -> None:
        process = self.running.pop(name)
        process.send_signal(signal.SIGKILL)
        process.wait(10)

    def stop(self, name: str) -> int:
        """The exit status after SIGTERM."""
        process = self.running.pop(name)
        process.terminate()
        return process.wait(60)

    def stop_all(self) -> None:
        for process in self.running.values():
            process.terminate()
        for process in self.running.values():
            try:
                process.wait(15)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait(5)
        self.running.clear()

    def log(self, name: str) -> str:
        return (self.folder / f"{name}.log").read_text(errors="replace")
