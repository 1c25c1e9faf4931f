"""The whole service, run by `platehost serve` as a user runs it."""

import os
import re
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import redis
import requests

from cli.data_folder import DataFolder
from cli.private_redis import PrivateRedis
from tests.cli.support import COMMAND, SAMPLE, SAMPLE_PLATE, Platehost, one_sentence, processes_below
from tests.service.support import free_port as another_port

PATIENCE = 90.0  # seconds for anything to happen; a slow machine is no failure


class Service:
    """A `platehost serve` in a process of its own."""

    def __init__(self, data: Path, port: int, env: dict[str, str], *options: str) -> None:
        self.data = data
        self.url = f"http://127.0.0.1:{port}"
        self._log = data.parent / f"{data.name}-{port}.log"
        with self._log.open("wb") as log:
            self.process = subprocess.Popen(
                [COMMAND, "serve", "--port", str(port), "--data", str(data), *options],
                stdout=log,
                stderr=subprocess.STDOUT,
                env=env,
            )

    @property
    def said(self) -> str:
        return self._log.read_text()

    def wait_for(self, words: str) -> None:
        self.until(lambda: words in self.said)

    def until(self, holds: Callable[[], bool]) -> None:
        deadline = time.monotonic() + PATIENCE
        while not holds():
            assert self.process.poll() is None, self.said
            assert time.monotonic() < deadline, self.said
            time.sleep(0.05)

    def child(self, command: str) -> int:
        """The process of the service whose command line holds `command`."""
        found = [pid for pid, line in processes_below(self.process.pid).items() if command in f"{line} "]
        return min(found)

    def read(self, key: str) -> requests.Response:
        return requests.post(
            f"{self.url}/v1/plate-reader/",
            headers={"Authorization": f"Token {key}"},
            files={"upload": SAMPLE.read_bytes()},
            timeout=PATIENCE,
        )

    def end(self, number: signal.Signals = signal.SIGTERM) -> int:
        self.process.send_signal(number)
        return self.process.wait(timeout=PATIENCE)


Serve = Callable[..., Service]


@pytest.fixture
def serve(tmp_path: Path, free_port: int, environment: dict[str, str]) -> Iterator[Serve]:
    """Starts services; those that still run at the end of the test are ended."""
    started: list[Service] = []

    def start(*options: str, env: dict[str, str] | None = None) -> Service:
        service = Service(tmp_path / "data", free_port, {**environment, **(env or {})}, *options)
        started.append(service)
        service.wait_for("Platehost answers on")
        return service

    yield start
    for service in started:
        if service.process.poll() is None:
            service.end()


def plates(answer: dict[str, Any]) -> list[str]:
    return [result["plate"].lower() for result in answer["results"]]


def test_the_first_start_tells_lines_that_work_and_so_does_the_next(serve: Serve) -> None:
    service = serve("--welcome", str(SAMPLE))
    service.wait_for("/api/v1/recognise")
    assert "A first key was made" in service.said
    secret = (service.data / "first.key").read_text().strip()
    lines = re.findall(r"^  (curl .*)$", service.said, re.MULTILINE)
    assert len(lines) == 2
    for line in lines:
        done = subprocess.run(["sh", "-c", f"{line} -sS"], capture_output=True, text=True, check=True)
        assert SAMPLE_PLATE in done.stdout.lower()

    below = processes_below(service.process.pid)
    for command in ("redis-server ", "-m web ", "-m worker ", "-m webhooks "):
        assert any(command in f"{line} " for line in below.values()), below
    assert service.end(signal.SIGINT) == 0
    for pid, line in below.items():
        assert not Path(f"/proc/{pid}/cmdline").exists() or Path(f"/proc/{pid}/cmdline").read_bytes() == b"", line
    assert not (service.data / "redis.url").exists()

    again = serve("--welcome", str(SAMPLE))
    again.wait_for("/api/v1/recognise")
    assert "A first key was made" not in again.said
    assert secret not in again.said
    assert re.findall(r"^  (curl .*)$", again.said, re.MULTILINE) == lines
    assert plates(again.read(secret).json()) == [SAMPLE_PLATE]


def test_whatever_dies_is_started_again(serve: Serve, platehost: Platehost) -> None:
    service = serve("--workers", "2")
    secret = platehost("key", "create", "garage", "--data", service.data).stdout.strip()
    assert plates(service.read(secret).json()) == [SAMPLE_PLATE]
    assert sum(line.endswith("-m worker") for line in processes_below(service.process.pid).values()) == 2

    commands = {"worker": "-m worker ", "webhooks": "-m webhooks ", "redis": "redis-server ", "web": "-m web "}
    for name, command in commands.items():
        os.kill(service.child(command), signal.SIGKILL)
        told = re.compile(rf"^{name}(\.\d)? +\| ended by signal 9; starting it again", re.MULTILINE)
        service.until(lambda told=told: bool(told.search(service.said)))
    service.until(lambda: _answers(service, secret))


def _answers(service: Service, secret: str) -> bool:
    try:
        answer = service.read(secret)
    except requests.RequestException:
        return False
    return answer.status_code == 201 and plates(answer.json()) == [SAMPLE_PLATE]


def test_a_request_in_flight_is_answered_before_the_end(serve: Serve, platehost: Platehost) -> None:
    service = serve()
    secret = platehost("key", "create", "garage", "--data", service.data).stdout.strip()
    worker = service.child("-m worker ")
    answers: list[requests.Response] = []
    os.kill(worker, signal.SIGSTOP)  # so that the request is sure to be in flight
    request = threading.Thread(target=lambda: answers.append(service.read(secret)))
    request.start()
    with redis.Redis.from_url((service.data / "redis.url").read_text().strip()) as store:
        service.until(lambda: store.llen("rq:queue:recognise") + store.llen("rq:queue:recognise:intermediate") > 0)
    service.process.terminate()
    service.wait_for("ending")
    os.kill(worker, signal.SIGCONT)
    request.join(PATIENCE)
    assert service.process.wait(PATIENCE) == 0
    assert [plates(answer.json()) for answer in answers] == [[SAMPLE_PLATE]]
    # web ended before the worker was asked to, and Redis after it.
    assert service.said.index('"event": "batch"') < service.said.index('"event": "stopped"')
    assert service.said.index('"event": "stopped"') < service.said.index("User requested shutdown")


def test_one_signal_that_comes_twice_ends_in_order(serve: Serve) -> None:
    service = serve()
    service.process.terminate()
    service.process.terminate()
    assert service.process.wait(PATIENCE) == 0
    assert service.said.count('"event": "stopped"') == 2, service.said  # worker and webhooks


def test_a_second_signal_ends_without_waiting(serve: Serve) -> None:
    service = serve()
    worker = service.child("-m worker ")
    os.kill(worker, signal.SIGSTOP)  # it would never end by itself
    service.process.terminate()
    service.wait_for("ending")
    time.sleep(1.5)
    service.process.terminate()
    assert service.process.wait(PATIENCE) == 0
    assert "did not end within" not in service.said
    assert "User requested shutdown" in service.said


def test_a_killed_service_leaves_nothing_and_starts_again(serve: Serve, platehost: Platehost) -> None:
    service = serve()
    secret = platehost("key", "create", "garage", "--data", service.data).stdout.strip()
    time.sleep(1.1)  # the append-only file reaches the disk once a second
    service.end(signal.SIGKILL)
    again = serve()
    assert plates(again.read(secret).json()) == [SAMPLE_PLATE]


def test_a_second_service_on_the_same_folder_says_so(serve: Serve, platehost: Platehost, free_port: int) -> None:
    service = serve()
    sentence = one_sentence(platehost("serve", "--data", service.data, "--port", free_port))
    assert "already runs on the data folder" in sentence
    assert str(service.process.pid) in sentence


def test_a_taken_port_is_one_sentence(serve: Serve, platehost: Platehost, tmp_path: Path) -> None:
    service = serve()
    port = service.url.rpartition(":")[2]
    sentence = one_sentence(platehost("serve", "--data", tmp_path / "other", "--port", port))
    assert f"Port {port} cannot be used" in sentence
    second = {"PLATEHOST_SDK_PORT": port}
    sentence = one_sentence(platehost("serve", "--data", tmp_path / "other", "--port", another_port(), env=second))
    assert f"Port {port} cannot be used" in sentence
    assert "PLATEHOST_SDK_PORT" in sentence


def test_redis_url_names_the_store(serve: Serve, platehost: Platehost, tmp_path: Path) -> None:
    folder = DataFolder(tmp_path / "shared")
    with folder.locked("test") as lock:
        server = PrivateRedis(folder)
        with server.running(lock):
            env = {"REDIS_URL": server.url}
            service = serve(env=env)
            assert not any("redis-server" in line for line in processes_below(service.process.pid).values())
            secret = platehost("key", "create", "garage", env=env).stdout.strip()
            assert plates(service.read(secret).json()) == [SAMPLE_PLATE]
            assert service.end() == 0
            assert server.answers()


def test_the_private_redis_keeps_its_promises(serve: Serve) -> None:
    service = serve()
    address = (service.data / "redis.url").read_text().strip()
    with redis.Redis.from_url(address) as store:
        assert store.config_get("appendonly", "appendfsync", "maxmemory-policy", "bind") == {
            "appendonly": "yes",
            "appendfsync": "everysec",
            "maxmemory-policy": "noeviction",
            "bind": "127.0.0.1",
        }
        assert int(store.config_get("maxmemory")["maxmemory"]) > 0
    password = address.split(":")[2].split("@")[0]
    with redis.Redis.from_url(address.replace(password, "wrong")) as stranger, pytest.raises(redis.AuthenticationError):
        stranger.ping()


@pytest.mark.parametrize(
    ("options", "env", "told"),
    [
        (["--port", "http"], {}, "PLATEHOST_PORT"),
        (["--workers", "0"], {}, "PLATEHOST_WORKERS"),
        (["--pack", "/nonexistent/pack"], {}, "/nonexistent/pack"),
        ([], {"REDIS_URL": "redis://127.0.0.1:1/0"}, "REDIS_URL"),
    ],
)
def test_what_cannot_work_is_one_sentence(
    platehost: Platehost, tmp_path: Path, options: list[str], env: dict[str, str], told: str
) -> None:
    assert told in one_sentence(platehost("serve", "--data", tmp_path / "data", *options, env=env))
    assert not (tmp_path / "data" / "redis.url").exists()


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("PLATEHOST_RATE_LIMIT", "often"),
        ("PLATEHOST_WEBHOOK_ALLOW", "home"),
        ("PLATEHOST_BLOB_URL", "ftp://pictures"),
        ("PLATEHOST_WEBHOOK_RETRIES", "now and then"),  # of no concern to web, which is ready meanwhile
    ],
)
def test_a_setting_that_a_program_refuses_ends_the_service(
    platehost: Platehost, tmp_path: Path, free_port: int, name: str, value: str
) -> None:
    done = platehost("serve", "--data", tmp_path / "data", "--port", free_port, env={name: value})
    sentence = one_sentence(done)
    assert name in sentence
    assert "cannot start" in sentence
    assert "starting it again" not in done.stdout
    assert not (tmp_path / "data" / "redis.url").exists()


def test_redis_cli_takes_the_address_of_the_private_redis(tmp_path: Path) -> None:
    folder = DataFolder(tmp_path / "data")
    with folder.locked("test") as lock:
        server = PrivateRedis(folder)
        with server.running(lock):
            command = ["redis-cli", "--no-auth-warning", "-u", server.url, "ping"]
            done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert (done.stdout.strip(), done.stderr) == ("PONG", "")
