"""Measures what vehicle look-ups add to a recognition, by what the register does.

Starts a private Redis, web and one worker, once without look-ups and then for each kind of register, on loopback and in
DVLA's shape. One client sends the sample to the NPR API again and again; what the register said is forgotten before
each request, except for `kept`. Then a second client does the same while the first sends it to the Snapshot API, which
asks no register: its time should not tell the kinds apart. The last line is a JSON object with the figures in
milliseconds.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import redis
import requests

from platehost.accounts import Accounts

ROOT = Path(__file__).resolve().parents[2]
SAMPLE = ROOT / "tests" / "fixtures" / "sample.jpg"
# The sample's plate has the shape of one from here.
REGION = "ca"
QUICK_SECONDS = 0.05
KINDS = ("off", "kept", "quick", "slow", "silent", "limited", "rubbish", "failing", "away")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--requests", type=int, default=20, help="measured requests of each kind (default: 20)")
    parser.add_argument("--limit", type=float, default=1.5, help="PLATEHOST_LOOKUP_TIMEOUT in seconds (default: 1.5)")
    parser.add_argument("--kinds", nargs="+", choices=KINDS, default=KINDS, help="(default: all)")
    chosen = parser.parse_args()
    figures: dict[str, dict[str, float]] = {}
    print(f"{chosen.requests} requests of each kind, limit {chosen.limit:g} s")
    print(f"{'register':10}{'NPR median':>12}{'NPR most':>12}{'Snapshot median':>17}{'Snapshot most':>15}{'asked':>8}")
    for kind in chosen.kinds:
        row = measure(kind, chosen.requests, chosen.limit)
        figures[kind] = row
        shown = "".join(f"{row[name]:{width}.1f}" for name, width in list(zip(row, (12, 12, 17, 15), strict=False))[:4])
        print(f"{kind:10}{shown}{row['asked']:8.0f}", flush=True)
    print(json.dumps({"limit_ms": chosen.limit * 1000, **figures}))
    return 0


def measure(kind: str, count: int, limit: float) -> dict[str, float]:
    """Milliseconds of requests to both APIs, and how often the register was asked."""
    with Register(kind, limit) as register, tempfile.TemporaryDirectory(prefix="platehost-bench-") as folder:
        settings = {
            "PLATEHOST_LOOKUP": "" if kind == "off" else f"{REGION}=dvla",
            "PLATEHOST_LOOKUP_TIMEOUT": str(limit),
            "PLATEHOST_DVLA_URL": f"http://127.0.0.1:{free_port() if kind == 'away' else register.port}",
            "PLATEHOST_DVLA_KEY": "bench",
        }
        with service(Path(folder), settings) as (url, store):
            client = Client(url, Accounts(store).create_key("bench"), store, forgets=kind != "kept")
            for _ in range(3):
                client.npr()
            client.snapshot()
            forget(store, "platehost:lookup:*")
            client.npr()
            npr = [timed(client.npr) for _ in range(count)]
            asked = len(register.asked)
            with beside(client.npr):
                snapshot = [timed(client.snapshot) for _ in range(count)]
    return {
        "npr_median": round(statistics.median(npr), 1),
        "npr_most": round(max(npr), 1),
        "snapshot_median": round(statistics.median(snapshot), 1),
        "snapshot_most": round(max(snapshot), 1),
        "asked": asked,
    }


class Client:
    def __init__(self, url: str, key: str, store: redis.Redis, *, forgets: bool) -> None:
        self._url = url
        self._headers = {"Authorization": f"Bearer {key}"}
        self._store = store
        self._forgets = forgets
        self._picture = SAMPLE.read_bytes()
        # One for each thread: a session is none's but one's.
        self._local = threading.local()

    def npr(self) -> None:
        if self._forgets:
            forget(self._store, "platehost:lookup:answer:*")
        self._post("/api/v1/recognise", {"regions": REGION})

    def snapshot(self) -> None:
        self._post("/v1/plate-reader/", {"regions": REGION})

    def _post(self, path: str, fields: dict[str, str]) -> None:
        session = self._local.__dict__.setdefault("session", requests.Session())
        files = {"upload": ("car.jpg", self._picture)}
        answer = session.post(self._url + path, headers=self._headers, files=files, data=fields, timeout=60)
        if answer.status_code not in (200, 201):
            raise SystemExit(f"status {answer.status_code}: {answer.text}")


class Register:
    """On loopback, as the kind says; `asked` holds the time of each request."""

    def __init__(self, kind: str, limit: float) -> None:
        self.asked: list[float] = []
        self._closing = threading.Event()
        outer = self
        hold = {"quick": QUICK_SECONDS, "kept": QUICK_SECONDS, "slow": limit * 2, "silent": 3600.0}.get(kind, 0.0)

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                plate = json.loads(self.rfile.read(int(self.headers["Content-Length"])))["registrationNumber"]
                outer.asked.append(time.time())
                outer._closing.wait(hold)
                status, body = outer.answer(kind, plate)
                self.send_response(status)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *args: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self._server.block_on_close = False
        # Whoever gave up has closed the line.
        self._server.handle_error = lambda *args: None  # type: ignore[method-assign]
        self.port = int(self._server.server_address[1])

    def answer(self, kind: str, plate: str) -> tuple[int, bytes]:
        if kind == "limited":
            return 429, b'{"message": "Too Many Requests"}'
        if kind == "failing":
            return 500, b'{"errors": [{"status": "500", "title": "Internal Server Error"}]}'
        if kind == "rubbish":
            return 200, b"<html></html>"
        told = {"registrationNumber": plate, "make": "FORD", "colour": "RED", "yearOfManufacture": 2019}
        return 200, json.dumps({**told, "fuelType": "PETROL"}).encode()

    def __enter__(self) -> Register:
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()
        return self

    def __exit__(self, *error: object) -> None:
        self._closing.set()
        self._server.shutdown()
        self._server.server_close()


@contextlib.contextmanager
def service(folder: Path, settings: dict[str, str]) -> Iterator[tuple[str, redis.Redis]]:
    """Redis, web and one worker; gives web's URL and a client of the Redis."""
    port, redis_port = free_port(), free_port()
    environment = {
        **os.environ,
        "REDIS_URL": f"redis://127.0.0.1:{redis_port}/0",
        "PLATEHOST_HOST": "127.0.0.1",
        "PLATEHOST_PORT": str(port),
        "PLATEHOST_RATE_LIMIT": "100000 per second",
        **settings,
    }
    place = ["--port", str(redis_port), "--bind", "127.0.0.1", "--dir", str(folder)]
    commands = [["redis-server", *place, "--save", "", "--appendonly", "yes"]]
    commands += [[sys.executable, "-m", module] for module in ("web", "worker")]
    with contextlib.ExitStack() as stack:
        log = stack.enter_context((folder / "log").open("ab"))
        for command in commands:
            process = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=log, stderr=log)
            stack.callback(process.wait, 30)
            stack.callback(process.terminate)
        url = f"http://127.0.0.1:{port}"
        wait_ready(url, folder / "log")
        yield url, redis.Redis(port=redis_port)


def wait_ready(url: str, log: Path) -> None:
    ends = time.monotonic() + 120
    while time.monotonic() < ends:
        with contextlib.suppress(requests.RequestException):
            if requests.get(f"{url}/readyz", timeout=2).status_code == 200:
                return
        time.sleep(0.1)
    raise SystemExit(f"The service did not become ready within 120 s:\n{log.read_text(errors='replace')[-4000:]}")


@contextlib.contextmanager
def beside(work: Callable[[], None]) -> Iterator[None]:
    """Does the work again and again in another thread."""
    stop = threading.Event()

    def run() -> None:
        while not stop.is_set():
            work()

    thread = threading.Thread(target=run)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()


def forget(store: redis.Redis, pattern: str) -> None:
    for key in store.scan_iter(pattern):
        store.delete(key)


def timed(work: Callable[[], None]) -> float:
    began = time.perf_counter()
    work()
    return (time.perf_counter() - began) * 1000


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


if __name__ == "__main__":
    sys.exit(main())
