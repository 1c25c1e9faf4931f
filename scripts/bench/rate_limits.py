"""Measures how fast requests over a plan's rate are refused: many clients, one key, 20 requests a second allowed.

Starts a private Redis, web and a worker that finds no plate at once, and sends the requests twice: at a fixed pace, and
with each client sending its next as soon as it is answered, which measures how much one web process can refuse. Then it
says how many passed and whether they are those that were counted. The last line is a JSON object with the figures.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import tempfile
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from platehost.accounts import Accounts  # noqa: E402
from platehost.plans import Plans  # noqa: E402
from platehost.usage import Usage  # noqa: E402
from tests.service.limit_storm import Answer, Storm, run  # noqa: E402
from tests.service.support import SAMPLE, Processes, RedisServer  # noqa: E402

RATE = 20


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--clients", type=int, default=64, help="connections that stay open (default: 64)")
    parser.add_argument("--requests", type=int, default=2000, help="in all, each time (default: 2000)")
    parser.add_argument("--per-second", type=float, default=400, help="of the fixed pace (default: 400)")
    parser.add_argument("--processes", type=int, default=1, help="web processes (default: 1)")
    parser.add_argument("--picture", type=Path, default=SAMPLE, help="JPEG, PNG or WebP (default: the sample)")
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="platehost-bench-") as folder:
        server = RedisServer(Path(folder))
        server.start()
        service = Processes(Path(folder), server, {"PLATEHOST_WEB_PROCESSES": str(chosen.processes)})
        try:
            return measure(service, server, chosen)
        finally:
            service.stop_all()
            server.stop()


def measure(service: Processes, server: RedisServer, chosen: argparse.Namespace) -> int:
    store = server.client()
    accounts = Accounts(store)
    Plans(store).add("bench", rate=f"{RATE} per second")
    accounts.add("bench", plan="bench")
    key = accounts.create_key("bench", "bench")
    service.start("web")
    service.start("tests.service.scripted_worker", "worker")
    service.wait_ready()
    figures: dict[str, float] = {"clients": chosen.clients, "requests": chosen.requests}
    picture = chosen.picture.read_bytes()
    passed = 0
    for name, pace in (("paced", chosen.per_second), ("at_once", 0.0)):
        began = time.perf_counter()
        answers = run(Storm(service.port, key, picture, chosen.clients, chosen.requests, pace))
        figures |= told(name, answers, time.perf_counter() - began)
        passed += sum(each.status == 201 for each in answers)
    counted = Usage(store).calls("bench", datetime.now(UTC))
    print(f"{passed} passed, {counted} were counted")
    print(json.dumps(figures))
    return 0 if passed == counted else 1


def told(name: str, answers: Sequence[Answer], seconds: float) -> dict[str, float]:
    """Prints what one round came to, and gives its figures in milliseconds."""
    refused = sorted(each.seconds * 1000 for each in answers if each.status == 429)
    if not refused:
        raise SystemExit(f"{name}: nothing was refused; give more --requests or a higher --per-second")
    figures = {
        f"{name}_per_second": round(len(answers) / seconds, 1),
        f"{name}_refused": len(refused),
        f"{name}_refused_ms_median": round(statistics.median(refused), 3),
        f"{name}_refused_ms_p99": round(refused[max(0, round(0.99 * len(refused)) - 1)], 3),
        f"{name}_refused_ms_longest": round(refused[-1], 3),
    }
    for label, figure in figures.items():
        print(f"{label:32}{figure:>12}")
    return figures


if __name__ == "__main__":
    sys.exit(main())
