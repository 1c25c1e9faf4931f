"""Measures what the service adds to the core's own time, with one client and no other load.

Starts a private Redis, web, one worker and webhooks, sends one picture again and again over one connection, and takes
from each answer's time the `processing_time` that it tells: the time of the core's stages for this picture. The last
line is a JSON object with the figures.
"""

from __future__ import annotations

import argparse
import http.client
import json
import os
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import uuid
from pathlib import Path

import redis

from platehost.accounts import create_key

ROOT = Path(__file__).resolve().parents[2]
SAMPLE = ROOT / "tests" / "fixtures" / "sample.jpg"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--picture", type=Path, default=SAMPLE, help="JPEG, PNG or WebP (default: the sample)")
    parser.add_argument("--requests", type=int, default=300, help="measured requests (default: 300)")
    parser.add_argument("--warm-up", type=int, default=20, help="requests before them (default: 20)")
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="platehost-bench-") as folder:
        service = Service(Path(folder))
        try:
            service.start()
            key = create_key(redis.Redis(port=service.redis_port), "bench")
            rows = measure(service.port, key, chosen.picture.read_bytes(), chosen.warm_up, chosen.requests)
        finally:
            service.stop()
    report(rows, chosen.picture)
    return 0


class Service:
    """The processes of the service on free ports, with their logs in `folder`."""

    def __init__(self, folder: Path) -> None:
        self.port, self.redis_port = free_port(), free_port()
        self._folder = folder
        self._processes: list[subprocess.Popen[bytes]] = []

    def start(self) -> None:
        place = ["--port", str(self.redis_port), "--bind", "127.0.0.1", "--dir", str(self._folder)]
        self._run(["redis-server", *place, "--save", "", "--appendonly", "yes"])
        for module in ("web", "worker", "webhooks"):
            self._run([sys.executable, "-m", module])
        ends = time.monotonic() + 60
        while time.monotonic() < ends:
            for process in self._processes:
                if process.poll() is not None:
                    raise SystemExit(f"{process.args!r} ended:\n{self._log()}")
            try:
                connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=2)
                connection.request("GET", "/readyz")
                if connection.getresponse().status == 200:
                    return
            except OSError:
                pass
            time.sleep(0.1)
        raise SystemExit(f"The service did not become ready within 60 s:\n{self._log()}")

    def stop(self) -> None:
        for process in reversed(self._processes):
            process.terminate()
            process.wait(20)

    def _run(self, command: list[str]) -> None:
        environment = {
            **os.environ,
            "REDIS_URL": f"redis://127.0.0.1:{self.redis_port}/0",
            "PLATEHOST_HOST": "127.0.0.1",
            "PLATEHOST_PORT": str(self.port),
            "PLATEHOST_RATE_LIMIT": "100000 per second",
        }
        with (self._folder / "log").open("ab") as log:
            self._processes.append(subprocess.Popen(command, cwd=ROOT, env=environment, stdout=log, stderr=log))

    def _log(self) -> str:
        return (self._folder / "log").read_text(errors="replace")[-4000:]


def measure(port: int, key: str, picture: bytes, warm_up: int, requests: int) -> list[tuple[float, float]]:
    """Per measured request its whole time and the core's own, in milliseconds."""
    boundary = uuid.uuid4().hex
    body = (
        f'--{boundary}\r\nContent-Disposition: form-data; name="upload"; filename="photo"\r\n\r\n'.encode()
        + picture
        + f"\r\n--{boundary}--\r\n".encode()
    )
    headers = {"Authorization": f"Token {key}", "Content-Type": f"multipart/form-data; boundary={boundary}"}
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    rows = []
    for number in range(warm_up + requests):
        began = time.perf_counter()
        connection.request("POST", "/v1/plate-reader/", body, headers)
        answer = connection.getresponse()
        text = answer.read()
        whole = (time.perf_counter() - began) * 1000
        if answer.status not in (200, 201):
            raise SystemExit(f"status {answer.status}: {text.decode(errors='replace')}")
        if number >= warm_up:
            rows.append((whole, float(json.loads(text)["processing_time"])))
    return rows


def report(rows: list[tuple[float, float]], picture: Path) -> None:
    figures: dict[str, float] = {}
    columns = {
        "overhead_ms": [whole - core for whole, core in rows],
        "request_ms": [whole for whole, _ in rows],
        "core_ms": [core for _, core in rows],
    }
    print(f"{len(rows)} requests by one client, {picture.name}")
    print(f"{'':12}{'median':>10}{'p99':>10}")
    for name, values in columns.items():
        median, p99 = statistics.median(values), sorted(values)[max(0, round(0.99 * len(values)) - 1)]
        figures |= {f"{name}_median": round(median, 3), f"{name}_p99": round(p99, 3)}
        print(f"{name:12}{median:10.2f}{p99:10.2f}")
    print(json.dumps(figures))


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


if __name__ == "__main__":
    sys.exit(main())
