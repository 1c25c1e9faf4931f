"""Many deliveries to good, hanging and failing targets, while worker and webhooks are killed again and again.

`python -m tests.webhooks.storm` runs it at full size (10,000 deliveries), with the real core. It prints what arrived as
JSON, then one line that begins with PASSED or FAILED, and ends with 0 or 1.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import math
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

from platehost.blobs import RedisBlobs
from platehost.deliveries import Deliveries
from platehost.jobs import JobRequest, Jobs
from platehost.reading import Reading
from platehost.settings import Settings
from platehost.store import connect_waiting
from platehost.targets import Target, Targets
from tests.service.support import SAMPLE, Processes, RedisServer, wait_until
from tests.webhooks.receiver import Receiver, Reply

# What a gate can wait for.
MEDIAN_UNDER = 1.0

ECHO = {"filename": "1617_7M83K_car.jpg", "camera_id": "storm", "timestamp": "2026-05-01T10:11:12.131415Z"}


@dataclass(frozen=True)
class Storm:
    """Its size; `per_second` recognitions are asked for, `kills` of worker and of webhooks are spread over them."""

    recognitions: int = 500
    good: int = 15
    hanging: int = 3
    failing: int = 2
    kills: int = 5
    per_second: float = 8.0


@dataclass(frozen=True)
class Outcome:
    """What arrived; delays are from the stored result to the good receiver, in seconds.

    `lost` are deliveries of good targets that never came; `astray` those of bad ones that are neither kept nor waiting.
    The delays are None when nothing arrived.
    """

    asked: int
    recognised: int
    expected: int
    arrived: int
    lost: int
    astray: int
    doubles: int
    median_delay: float | None
    p99_delay: float | None
    longest_delay: float | None
    kills: int

    def faults(self) -> list[str]:
        """What did not hold, in words; nothing when all did."""
        found = {
            f"{self.asked - self.recognised} of {self.asked} recognitions never ended": self.recognised < self.asked,
            f"{self.lost} of {self.expected} deliveries to good targets were lost": self.lost,
            f"{self.astray} deliveries to bad targets are neither kept nor waiting": self.astray,
            f"the median delay was {self.median_delay} s, not under {MEDIAN_UNDER:g} s": (
                self.median_delay is None or self.median_delay >= MEDIAN_UNDER
            ),
        }
        return [words for words, wrong in found.items() if wrong]

    def verdict(self) -> str:
        """One line."""
        if faults := self.faults():
            return "FAILED: " + "; ".join(faults) + "."
        return (
            f"PASSED: {self.recognised} recognitions; {self.arrived} of {self.expected} deliveries to good targets "
            f"arrived, none lost, {self.doubles} twice; none of the bad targets' went astray; "
            f"delay {self.median_delay} s (median), {self.p99_delay} s (99th percentile); "
            f"{self.kills} kills each of worker and webhooks."
        )


def run(storm: Storm, processes: Processes, worker: str = "worker") -> Outcome:
    """Starts `worker` and webhooks on the processes' Redis and runs the storm to its end."""
    store = processes.server.client()
    settings = Settings(redis_url=processes.server.url)
    jobs = Jobs(store, connect_waiting(processes.server.url, longest=30), RedisBlobs(store), settings)
    targets = Targets(store)
    with contextlib.ExitStack() as stack:
        receivers = [stack.enter_context(_receiver(Reply())) for _ in range(storm.good)]
        bad = [stack.enter_context(_receiver(Reply(hang=600))) for _ in range(storm.hanging)]
        bad += [stack.enter_context(_receiver(Reply(500))) for _ in range(storm.failing)]
        good_targets = [targets.add("main", each.url) for each in receivers]
        bad_targets = [targets.add("main", each.url) for each in bad]
        processes.start(worker)
        processes.start("webhooks")
        job_ids = _ask(storm, processes, jobs, worker)
        recognised = [job_id for job_id in job_ids if isinstance(jobs.wait(job_id, 60), Reading)]

        def all_arrived() -> bool:
            return all(len(_ids(each)) >= len(recognised) for each in receivers)

        with contextlib.suppress(AssertionError):
            wait_until(all_arrived, 60, "every delivery arrives")
        time.sleep(1)  # a double would come now
        return _outcome(storm, Deliveries(store, settings), recognised, receivers, good_targets, bad_targets)


@contextlib.contextmanager
def _receiver(reply: Reply) -> Iterator[Receiver]:
    made = Receiver(lambda received: reply)
    try:
        yield made
    finally:
        made.close()


def _ask(storm: Storm, processes: Processes, jobs: Jobs, worker: str) -> list[str]:
    picture = SAMPLE.read_bytes()
    kill_at = {round((each + 0.5) * storm.recognitions / storm.kills) for each in range(storm.kills)}
    job_ids: list[str] = []
    for number in range(storm.recognitions):
        began = time.monotonic()
        job_ids.append(jobs.submit(picture, JobRequest("main", "snapshot", echo=ECHO)))
        if number in kill_at:
            for module in (worker, "webhooks"):
                processes.kill(module)
                processes.start(module)
        time.sleep(max(0.0, 1 / storm.per_second - (time.monotonic() - began)))
    return job_ids


def _ids(receiver: Receiver) -> set[str]:
    return {each.headers["webhook-id"] for each in list(receiver.received)}


def _outcome(
    storm: Storm,
    deliveries: Deliveries,
    recognised: list[str],
    receivers: list[Receiver],
    good: list[Target],
    bad: list[Target],
) -> Outcome:
    lost = doubles = astray = 0
    delays: list[float] = []
    for receiver, target in zip(receivers, good, strict=True):
        first: dict[str, float] = {}
        for each in receiver.received:
            doubles += each.headers["webhook-id"] in first
            first.setdefault(each.headers["webhook-id"], each.at)
        for job_id in recognised:
            delivery = f"msg_{job_id}_{target.id}"
            record = deliveries.get(delivery)
            if delivery not in first or record is None:
                lost += 1
            else:
                delays.append(first[delivery] - record.created)
    for target in bad:
        standing = deliveries.standing(target.id)
        astray += len(recognised) - int(standing["waiting"] + standing["in_flight"] + standing["ended"])
    delays.sort()
    return Outcome(
        asked=storm.recognitions,
        recognised=len(recognised),
        expected=len(recognised) * len(good),
        arrived=len(delays),
        lost=lost,
        astray=astray,
        doubles=doubles,
        median_delay=round(statistics.median(delays), 3) if delays else None,
        p99_delay=round(delays[max(0, math.ceil(len(delays) * 0.99) - 1)], 3) if delays else None,
        longest_delay=round(delays[-1], 3) if delays else None,
        kills=storm.kills,
    )


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--recognitions", type=int, default=Storm.recognitions)
    parser.add_argument("--per-second", type=float, default=Storm.per_second)
    parser.add_argument("--good", type=int, default=Storm.good)
    parser.add_argument("--kills", type=int, default=Storm.kills, help="of worker and of webhooks, each")
    parser.add_argument("--scripted", action="store_true", help="a worker without the core, for a machine that is busy")
    chosen = parser.parse_args()
    storm = Storm(recognitions=chosen.recognitions, per_second=chosen.per_second, good=chosen.good, kills=chosen.kills)
    with tempfile.TemporaryDirectory(prefix="platehost-storm-") as folder:
        server = RedisServer(Path(folder))
        server.start()
        processes = Processes(Path(folder), server, {"PLATEHOST_WEBHOOK_ALLOW": "127.0.0.0/8"})
        try:
            outcome = run(storm, processes, "tests.webhooks.scripted_worker" if chosen.scripted else "worker")
        finally:
            processes.stop_all()
            server.stop()
    print(json.dumps(asdict(outcome)))
    print(outcome.verdict())
    return 1 if outcome.faults() else 0


if __name__ == "__main__":
    sys.exit(main())
