"""Measures one webhooks process: deliveries per second, and what a target costs that does not answer.

Starts a private Redis, receivers in a process of their own, and `python -m webhooks`. First it enqueues deliveries to
good targets and takes the time and the processor time until the last was received; then one delivery to each of many
targets that never answer, and takes the memory and processor time that the process needs more while it waits for them.
The last line is a JSON object with the figures.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import multiprocessing
import os
import socket
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Callable
from multiprocessing.sharedctypes import Synchronized
from pathlib import Path
from typing import Any

import redis

from platehost.deliveries import Deliveries, event_of
from platehost.options import Options
from platehost.reading import Candidate, Plate, Reading, to_json
from platehost.settings import Settings
from platehost.targets import Targets, new_secret

ROOT = Path(__file__).resolve().parents[2]
READING = Reading(1280, 720, (Plate((10, 20, 110, 50), 0.9, "AB12CDE", 0.98, (Candidate("AB12CDE", 0.98),)),))
ECHO = {"filename": "1617_7M83K_car.jpg", "camera_id": "bench", "timestamp": "2026-05-01T10:11:12.131415Z"}
TICKS = os.sysconf("SC_CLK_TCK")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--recognitions", type=int, default=250, help="each goes to every good target (default: 250)")
    parser.add_argument("--targets", type=int, default=20, help="good targets (default: 20)")
    parser.add_argument("--waiting", type=int, default=200, help="targets that never answer (default: 200)")
    parser.add_argument("--seconds", type=float, default=8, help="how long it waits for them (default: 8)")
    chosen = parser.parse_args()
    received: Synchronized[int] = multiprocessing.Value("q", 0)
    good_port, hanging_port, redis_port = free_port(), free_port(), free_port()
    receivers = multiprocessing.Process(target=receive, args=(good_port, hanging_port, received), daemon=True)
    receivers.start()
    with tempfile.TemporaryDirectory(prefix="platehost-bench-") as folder:
        server = start_redis(Path(folder), redis_port)
        office = start_webhooks(Path(folder), redis_port)
        try:
            store = redis.Redis(port=redis_port)
            figures = measure_rate(store, office.pid, good_port, received, chosen.targets, chosen.recognitions)
            figures |= measure_waiting(store, office.pid, hanging_port, chosen.waiting, chosen.seconds)
        finally:
            for process in (office, server):
                process.kill()
                process.wait(10)
            receivers.kill()
    print(json.dumps(figures))
    return 0


def measure_rate(
    store: redis.Redis, office: int, port: int, received: Synchronized[int], count: int, recognitions: int
) -> dict[str, float]:
    targets, deliveries = Targets(store), Deliveries(store, Settings())
    made = [targets.add("good", f"http://127.0.0.1:{port}/{number}", secret=new_secret()) for number in range(count)]
    enqueue(store, deliveries, "good", 2)  # warm: connections and threads are there
    wait_until(lambda: received.value == 2 * count, 30, "the first deliveries arrive")
    before = int(store.info("memory")["used_memory"])
    began, cpu = time.perf_counter(), cpu_seconds(office)
    enqueue(store, deliveries, "good", recognitions)
    wait_until(lambda: received.value == (recognitions + 2) * count, 300, "every delivery arrives")
    seconds, used = time.perf_counter() - began, cpu_seconds(office) - cpu
    kept = min(recognitions * count, Settings().webhook_kept * count)
    held = (int(store.info("memory")["used_memory"]) - before) / kept / 1000
    for target in made:
        targets.remove(target.id)
    total = recognitions * count
    print(f"{total} deliveries to {count} targets in {seconds:.1f} s: {total / seconds:.0f} per second and process")
    print(f"{used / total * 1000:.2f} ms of processor time per delivery")
    print(f"{held:.1f} kB of the store's memory per kept delivery with its attempt")
    return {
        "deliveries": total,
        "store_kb_per_delivery": round(held, 2),
        "deliveries_per_second": round(total / seconds, 1),
        "cpu_ms_per_delivery": round(used / total * 1000, 3),
    }


def measure_waiting(store: redis.Redis, office: int, port: int, count: int, seconds: float) -> dict[str, float]:
    targets, deliveries = Targets(store), Deliveries(store, Settings())
    idle_cpu = cpu_rate(office, seconds)
    memory = resident_kb(office)
    made = [targets.add("slow", f"http://127.0.0.1:{port}/{number}") for number in range(count)]
    enqueue(store, deliveries, "slow", 1)
    wait_until(lambda: sum(deliveries.standing(each.id)["in_flight"] for each in made) == count, 30, "all wait")
    waiting_cpu = cpu_rate(office, seconds)
    held = (resident_kb(office) - memory) / count
    cost = max(0.0, waiting_cpu - idle_cpu) / count * 1000
    print(f"{count} targets that do not answer: {held:.0f} kB and {cost:.3f} ms of processor time a second for each")
    print(f"nothing to do: {idle_cpu * 1000:.1f} ms of processor time a second")
    return {
        "waiting_targets": count,
        "kb_per_waiting_target": round(held, 1),
        "cpu_ms_per_second_per_waiting_target": round(cost, 4),
        "cpu_ms_per_second_idle": round(idle_cpu * 1000, 2),
    }


def enqueue(store: redis.Redis, deliveries: Deliveries, account: str, recognitions: int) -> None:
    """As a worker does, but many recognitions a trip."""
    reading = to_json(READING)["reading"]
    for _ in range(recognitions):
        job = uuid.uuid4().hex
        with store.pipeline() as pipeline:
            event = event_of(job, account, Options().to_json(), ECHO, reading)
            deliveries.enqueue(pipeline, job, account, event, f"{job}:0")
            pipeline.execute()


def receive(good_port: int, hanging_port: int, received: Synchronized[int]) -> None:
    """Two servers in one process: one answers every request at once, the other none."""

    class Good(asyncio.Protocol):
        def connection_made(self, transport: Any) -> None:
            self._transport, self._buffer = transport, b""

        def data_received(self, piece: bytes) -> None:
            self._buffer += piece
            while b"\r\n\r\n" in self._buffer:
                head, _, rest = self._buffer.partition(b"\r\n\r\n")
                length = int(head.lower().split(b"content-length:")[1].split(b"\r\n")[0])
                if len(rest) < length:
                    return
                self._buffer = rest[length:]
                with received.get_lock():
                    received.value += 1
                self._transport.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")

    async def serve() -> None:
        loop = asyncio.get_running_loop()
        servers = [
            await loop.create_server(Good, "127.0.0.1", good_port),
            await loop.create_server(asyncio.Protocol, "127.0.0.1", hanging_port, backlog=1024),
        ]
        await asyncio.gather(*(server.serve_forever() for server in servers))

    asyncio.run(serve())


def start_redis(folder: Path, port: int) -> subprocess.Popen[bytes]:
    place = ["--port", str(port), "--bind", "127.0.0.1", "--dir", str(folder), "--save", "", "--appendonly", "yes"]
    process = subprocess.Popen(["redis-server", *place], stdout=subprocess.DEVNULL)
    store = redis.Redis(port=port)

    def answers() -> bool:
        try:
            return bool(store.ping())
        except redis.RedisError:
            return False

    wait_until(answers, 10, "redis-server answers")
    return process


def start_webhooks(folder: Path, redis_port: int) -> subprocess.Popen[bytes]:
    environment = {
        **os.environ,
        "REDIS_URL": f"redis://127.0.0.1:{redis_port}/0",
        "PLATEHOST_WEBHOOK_ALLOW": "127.0.0.1/32",
        "PLATEHOST_WEBHOOK_RATE": "10000",
        "PLATEHOST_WEBHOOK_TIMEOUT": "100",
    }
    with (folder / "webhooks.log").open("wb") as log:
        return subprocess.Popen([sys.executable, "-m", "webhooks"], cwd=ROOT, env=environment, stdout=log, stderr=log)


def cpu_rate(process: int, seconds: float) -> float:
    """Seconds of processor time a second, over the next `seconds`."""
    used = cpu_seconds(process)
    time.sleep(seconds)
    return (cpu_seconds(process) - used) / seconds


def cpu_seconds(process: int) -> float:
    fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


def resident_kb(process: int) -> float:
    status = Path(f"/proc/{process}/status").read_text()
    return float(status.split("VmRSS:")[1].split()[0])


def wait_until(condition: Callable[[], object], seconds: float, what: str) -> None:
    ends = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > ends:
            raise SystemExit(f"not within {seconds:g} s: {what}")
        time.sleep(0.02)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


if __name__ == "__main__":
    sys.exit(main())
