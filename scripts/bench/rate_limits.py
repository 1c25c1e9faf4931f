"""Measures how fast requests over a plan's rate are refused: many clients, one key, 20 requests a second allowed.

Starts a private Redis, web and a worker that finds no plate at once, warms them up, and sends the requests twice: at a
fixed pace, and with each client sending its next as soon as it is answered, which measures how much one web process can
refuse. A refusal's time is told as the client saw it, from its first byte sent to the last one read, and as the service
logged it, from the request's head to its answer; `late` is what the client's own process added to a pause, a part of
the former. Neither is of use where something else runs on the machine. It also says how many passed, and if they
are those that were counted. The last line is a JSON object with the figures.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
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
SHARES = {"median": 0.5, "p90": 0.9, "p99": 0.99, "longest": 1.0}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--clients", type=int, default=64, help="connections that stay open (default: 64)")
    parser.add_argument("--requests", type=int, default=2000, help="in all, each time (default: 2000)")
    parser.add_argument("--per-second", type=float, default=400, help="of the fixed pace (default: 400)")
    parser.add_argument("--warm-up", type=int, default=128, help="requests of another key before them (default: 128)")
    parser.add_argument("--pin", action="store_true", help="the clients on the last core, the service on the others")
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
    accounts.add("warm")
    warm = accounts.create_key("warm", "warm")
    cores = sorted(os.sched_getaffinity(0))
    if chosen.pin and len(cores) > 1:
        os.sched_setaffinity(0, cores[:-1])
    web = service.start("web")
    service.start("tests.service.scripted_worker", "worker")
    if chosen.pin:
        os.sched_setaffinity(0, cores[-1:])
    service.wait_ready()
    figures: dict[str, float] = {"clients": chosen.clients, "requests": chosen.requests}
    picture = chosen.picture.read_bytes()
    run(Storm(service.port, warm, picture, chosen.clients, chosen.warm_up))
    passed = 0
    for name, pace in (("paced", chosen.per_second), ("at_once", 0.0)):
        # A window of its own: what the last round used up is not refused here.
        time.sleep(1.1)
        late: list[float] = []
        began, spent = time.perf_counter(), cpu_seconds(web.pid)
        answers = run(Storm(service.port, key, picture, chosen.clients, chosen.requests, pace), late)
        seconds, spent = time.perf_counter() - began, cpu_seconds(web.pid) - spent
        passed += sum(each.status == 201 for each in answers)
        figures |= told(name, answers, logged(service.log("web")), late)
        figures[f"{name}_per_second"] = round(len(answers) / seconds, 1)
        figures[f"{name}_web_cpu_ms_a_request"] = round(spent * 1000 / len(answers), 3)
    for label, figure in figures.items():
        print(f"{label:40}{figure:>12}")
    counted = Usage(store).calls("bench", datetime.now(UTC))
    print(f"{passed} passed, {counted} were counted")
    print(json.dumps(figures))
    return 0 if passed == counted else 1


def told(name: str, answers: Sequence[Answer], served: Mapping[str, float], late: Sequence[float]) -> dict[str, float]:
    """What one round came to, in milliseconds; `served` are the service's own times by request id."""
    refused = [each for each in answers if each.status == 429]
    if not refused:
        raise SystemExit(f"{name}: nothing was refused; give more --requests or a higher --per-second")
    times = {
        "client": [each.seconds * 1000 for each in refused],
        "service": [served[each.headers["x-request-id"]] for each in refused],
        "late": [each * 1000 for each in late],
    }
    figures: dict[str, float] = {f"{name}_refused": len(refused)}
    for who, found in times.items():
        ordered = sorted(found)
        for label, share in SHARES.items():
            figures[f"{name}_{who}_ms_{label}"] = round(ordered[max(0, round(share * len(ordered)) - 1)], 3)
    return figures


def logged(log: str) -> Mapping[str, float]:
    """Milliseconds of each request by its id, as the access log tells them."""
    lines = (json.loads(line) for line in log.splitlines() if line.startswith("{"))
    return {line["request_id"]: line["ms"] for line in lines if line["event"] == "request"}


def cpu_seconds(pid: int) -> float:
    """CPU time of a process and those that it started, so far."""
    here = Path(f"/proc/{pid}")
    # After the command's name, which may hold blanks: utime and stime are the 14th and 15th field (proc(5)).
    fields = (here / "stat").read_text().rpartition(")")[2].split()
    own = (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
    below = [each for task in here.glob("task/*/children") for each in task.read_text().split()]
    return own + sum(cpu_seconds(int(each)) for each in below)


if __name__ == "__main__":
    sys.exit(main())
