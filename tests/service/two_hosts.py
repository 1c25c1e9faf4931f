"""Two workers on two hosts, Redis, web and webhooks on a third: all three are network namespaces.

Run it by scripts/check_two_hosts, which makes the namespace that this process calls the third host. The last line is a
JSON object that says how many pictures each worker read, by phase.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import requests

from platehost.accounts import Accounts
from platehost.health import live_workers
from platehost.usage import Usage
from tests.service.support import ROOT, SAMPLE, SAMPLE_PLATE, Processes, RedisServer, wait_until

STORE = "10.77.0.1"
HOSTS = {"north": "10.77.0.2", "south": "10.77.0.3"}
PICTURES = 24


class SharedRedis(RedisServer):
    """A Redis that other hosts reach, with a password."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.url = f"redis://:two-hosts@{STORE}:{self.port}/0"

    def start(self) -> None:
        options = ["--bind", STORE, "--requirepass", "two-hosts", "--dir", str(self.folder), "--save", ""]
        with (self.folder / "redis.log").open("ab") as log:
            self._process = subprocess.Popen(
                ["redis-server", "--port", str(self.port), *options, "--appendonly", "yes"], stdout=log, stderr=log
            )
        wait_until(self._answers, 20, "redis-server answers")


def run(*command: str) -> None:
    subprocess.run(command, check=True)


def lay_cables() -> None:
    """A bridge that both hosts hang on; this namespace has the store's address on it."""
    run("mount", "-t", "tmpfs", "tmpfs", "/run")
    run("ip", "link", "set", "lo", "up")
    run("ip", "link", "add", "bridge", "type", "bridge")
    run("ip", "address", "add", f"{STORE}/24", "dev", "bridge")
    run("ip", "link", "set", "bridge", "up")
    for host, address in HOSTS.items():
        run("ip", "netns", "add", host)
        run("ip", "link", "add", f"to-{host}", "type", "veth", "peer", "name", "eth0", "netns", host)
        run("ip", "link", "set", f"to-{host}", "master", "bridge", "up")
        run("ip", "-n", host, "address", "add", f"{address}/24", "dev", "eth0")
        for device in ("lo", "eth0"):
            run("ip", "-n", host, "link", "set", device, "up")


def cable(host: str, state: str) -> None:
    """Plugs a host's cable in ("up") or pulls it ("down")."""
    run("ip", "-n", host, "link", "set", "eth0", state)


def start_worker(processes: Processes, host: str) -> None:
    command = ["ip", "netns", "exec", host, "unshare", "--uts", "sh", "-c", f"hostname {host}; exec $0 -m worker"]
    with (processes.folder / f"{host}.log").open("ab") as log:
        processes.running[host] = subprocess.Popen(
            [*command, sys.executable], cwd=ROOT, env=processes.environment(), stdout=log, stderr=log
        )


class Check:
    """The service, and what each host's worker has read so far."""

    def __init__(self, processes: Processes) -> None:
        self.processes = processes
        self.key = {"Authorization": f"Bearer {Accounts(processes.server.client()).create_key('hosts')}"}
        self.job_ids: list[str] = []
        self.phases: dict[str, dict[str, int]] = {}
        self._before = dict.fromkeys(HOSTS, 0)

    def send(self, count: int) -> list[str]:
        sent = []
        for _ in range(count):
            answer = requests.post(
                f"{self.processes.url}/v1/plate-reader/",
                headers={**self.key, "Prefer": "respond-async"},
                files={"upload": SAMPLE.read_bytes()},
                timeout=30,
            )
            assert answer.status_code == 202, answer.text
            sent.append(answer.json()["job_id"])
        self.job_ids += sent
        return sent

    def all_read(self, job_ids: Sequence[str], phase: str) -> dict[str, int]:
        """Waits until each job has its plate; how many each host read meanwhile."""
        left = set(job_ids)

        def done() -> bool:
            for job_id in list(left):
                url = f"{self.processes.url}/api/v1/jobs/{job_id}"
                body = requests.get(url, headers=self.key, timeout=10).json()
                assert body["state"] != "failed", body
                if body["state"] == "finished":
                    assert SAMPLE_PLATE in json.dumps(body), body
                    left.discard(job_id)
            return not left

        wait_until(done, 120, f"{phase}: {len(left)} pictures are left")
        # A worker's line of a batch comes after its answers.
        time.sleep(0.5)
        total = {host: self.read_by(host) for host in HOSTS}
        self.phases[phase] = {host: total[host] - self._before[host] for host in HOSTS}
        self._before = total
        print(phase, self.phases[phase], flush=True)
        return self.phases[phase]

    def read_by(self, host: str) -> int:
        lines = [json.loads(line) for line in self.processes.log(host).splitlines() if '"batch"' in line]
        return sum(line["jobs"] for line in lines)

    def working_on(self, host: str) -> bool:
        """Whether the host's worker has jobs in hand that it has not ended."""
        store = self.processes.server.client()
        found = [store.hmget(name, "hostname", "state") for name in store.smembers("rq:workers:recognise")]
        return [host.encode(), b"busy"] in found


def check(processes: Processes) -> dict[str, dict[str, int]]:
    store = processes.server.client()
    processes.start("web")
    processes.start("webhooks")
    for host in HOSTS:
        start_worker(processes, host)
    processes.wait_ready()
    wait_until(lambda: set(live_workers(store)) == set(HOSTS), 60, "a worker lives on each host")
    it = Check(processes)

    both = it.all_read(it.send(PICTURES), "both work")
    assert all(both.values()), both

    sent = it.send(PICTURES)
    wait_until(lambda: it.working_on("north"), 30, "north works")
    cable("north", "down")
    one = it.all_read(sent, "north is cut off")
    assert one["south"] >= PICTURES - 12, one

    cable("north", "up")
    wait_until(lambda: set(live_workers(store)) == set(HOSTS), 120, "north is back")
    deadline = time.monotonic() + 120
    it.all_read(it.send(PICTURES), "north is back")
    while not it.phases["north is back"]["north"]:
        # It may still wait for an answer that went down with the cable.
        assert time.monotonic() < deadline, "north takes no jobs"
        it.all_read(it.send(PICTURES), "north is back")

    sent = it.send(PICTURES)
    wait_until(lambda: it.working_on("south"), 30, "south works")
    os.kill(processes.running["south"].pid, signal.SIGKILL)
    it.all_read(sent, "south is killed")
    assert it.phases["south is killed"]["north"] > 0

    assert Usage(store).calls("main", datetime.now(UTC)) == len(it.job_ids), "each picture is counted once"
    return it.phases


def main() -> int:
    lay_cables()
    with tempfile.TemporaryDirectory(prefix="platehost-hosts-") as folder:
        server = SharedRedis(Path(folder))
        server.start()
        pack = {name: text for name, text in os.environ.items() if name == "PLATEHOST_PACK" and text}
        processes = Processes(Path(folder), server, {"PLATEHOST_BATCH_SIZE": "2", **pack})
        try:
            phases = check(processes)
        finally:
            processes.stop_all()
            server.stop()
    print(json.dumps(phases))
    return 0


if __name__ == "__main__":
    sys.exit(main())
