"""Measures a back-up of a full service: how long it takes, and for how long nobody else is served meanwhile.

Fills a private Redis with deliveries as the service stores them, and takes a back-up while another client asks for
something small again and again. The last line is a JSON object with the figures.
"""

from __future__ import annotations

import argparse
import io
import json
import socket
import subprocess
import sys
import tempfile
import threading
import time

import redis

from platehost import backup
from platehost.deliveries import Deliveries, event_of
from platehost.options import Options
from platehost.settings import Settings
from platehost.targets import Targets

READING = {
    "width": 1280,
    "height": 720,
    "plates": [
        {
            "box": [547.0, 470.0, 733.0, 518.0],
            "corners": None,
            "dscore": 0.853,
            "text": "PHST482",
            "score": 0.99,
            "candidates": [{"text": f"PHST48{digit}", "score": digit / 10} for digit in range(10)],
            "char_scores": [0.99] * 7,
            "region": {"code": "de", "score": 0.81},
            "vehicle": None,
        }
    ],
    "timings": {"decode": 4.1, "detect": 18.2, "read": 6.3},
}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--deliveries", type=int, default=100_000, help="deliveries that wait (default: 100000)")
    chosen = parser.parse_args()
    port = free_port()
    with tempfile.TemporaryDirectory(prefix="platehost-bench-") as folder:
        command = ["redis-server", "--port", str(port), "--bind", "127.0.0.1", "--dir", folder, "--save", ""]
        server = subprocess.Popen(command, stdout=subprocess.DEVNULL)
        try:
            store = redis.Redis(port=port)
            while not _answers(store):
                time.sleep(0.05)
            fill(store, chosen.deliveries)
            print(json.dumps({"deliveries": chosen.deliveries, **measure(store, port)}))
        finally:
            server.terminate()
            server.wait(20)
    return 0


def fill(store: redis.Redis, count: int) -> None:
    deliveries = Deliveries(store, Settings(webhook_pending=count + 1))
    Targets(store).add("main", "https://example.com/")
    for first in range(0, count, 500):
        with store.pipeline(transaction=False) as pipeline:
            for number in range(first, min(first + 500, count)):
                event = event_of(f"{number:032x}", "main", Options().to_json(), {"filename": "a.jpg"}, READING)
                deliveries.enqueue(pipeline, f"{number:032x}", "main", event, "")
            pipeline.execute()


def measure(store: redis.Redis, port: int) -> dict[str, float]:
    stop = threading.Event()
    waits: list[float] = []

    def ask() -> None:
        other = redis.Redis(port=port)
        while not stop.is_set():
            began = time.perf_counter()
            other.ping()
            waits.append(time.perf_counter() - began)
            time.sleep(0.001)

    asking = threading.Thread(target=ask)
    asking.start()
    file = io.BytesIO()
    began = time.perf_counter()
    header = backup.write(file, store)
    seconds = time.perf_counter() - began
    stop.set()
    asking.join()
    store.flushdb()
    file.seek(0)
    backup.check(file)
    began = time.perf_counter()
    backup.restore(store, backup.records(file))
    return {
        "records": header.records,
        "megabytes": round(len(file.getvalue()) / 1e6, 1),
        "backup_seconds": round(seconds, 2),
        "longest_wait_ms": round(max(waits) * 1000, 1),
        "restore_seconds": round(time.perf_counter() - began, 2),
    }


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _answers(store: redis.Redis) -> bool:
    try:
        return bool(store.ping())
    except redis.RedisError:
        return False


if __name__ == "__main__":
    sys.exit(main())
