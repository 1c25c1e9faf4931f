"""Two releases side by side on one Redis: each reads what the other stored, and nothing is lost between them."""

from __future__ import annotations

import io
import json
import os
import shutil
import subprocess
import sys
import tarfile
import threading
import time
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import redis
import requests
from rq import Queue
from rq.serializers import JSONSerializer

from platehost import reading
from platehost.accounts import Accounts
from platehost.blobs import RedisBlobs
from platehost.deliveries import Attempt
from platehost.jobs import QUEUE, Jobs, blob_name
from platehost.options import Options
from platehost.settings import Settings
from platehost.store import connect_waiting
from platehost.stored import made
from platehost.targets import Targets, from_json
from platehost.usage import Usage
from tests.service.scripted import ScriptedReader, run_worker
from tests.service.support import ROOT, SAMPLE_PLATE, Processes, RedisServer, wait_until
from tests.webhooks.office import READING
from tests.webhooks.receiver import Receiver

# What the other release is: any name of a commit.
EARLIER = os.environ.get("PLATEHOST_UPGRADE_FROM") or "HEAD"


def with_news(stored: Any) -> Any:
    """The same JSON as a newer release might write it: with one more member in every object but times."""
    if isinstance(stored, dict):
        return {
            **{name: value if name == "timings" else with_news(value) for name, value in stored.items()},
            "from_tomorrow": 1,
        }
    return [with_news(each) for each in stored] if isinstance(stored, list | tuple) else stored


def test_what_a_newer_release_stored_is_read() -> None:
    failure = reading.Failure("corrupt_image", "The picture is damaged.")
    for outcome in (READING, failure):
        assert reading.from_json(with_news(reading.to_json(outcome))) == outcome
    options = Options(regions=("de",), threshold_d=0.5)
    assert Options.from_json(with_news(options.to_json())) == options
    attempt = Attempt("msg_1_1", 1, 1.0, 200, 1.0, "", "ok")
    assert made(Attempt, with_news(asdict(attempt))) == attempt


def test_a_target_of_a_newer_release_is_read(store: redis.Redis) -> None:
    target = Targets(store).add("main", "https://example.com/", headers={"X-Site": "north"})
    news = {**asdict(target), "from_tomorrow": {"a": 1}}
    assert from_json(json.dumps(news)) == target


def test_a_job_of_the_first_release_is_read(store: redis.Redis, settings: Settings) -> None:
    """Its job as it stood in Redis: with fewer options and members than today's."""
    job_id = "a" * 32
    RedisBlobs(store).put(blob_name(job_id), b"picture", 60)
    options = {"regions": [], "text_formats": [], "mmc": False, "threshold_d": 0.2, "threshold_o": 0.6}
    Queue(QUEUE, connection=store, serializer=JSONSerializer).enqueue_call(
        "worker.tasks.recognise",
        kwargs={"account": "main", "options": options, "smallest": None},
        timeout=30,
        result_ttl=600,
        job_id=job_id,
        meta={"account": "main", "face": "snapshot", "echo": {"filename": "a.jpg"}},
    )
    run_worker(store, settings, ScriptedReader(READING))
    jobs = Jobs(store, connect_waiting(settings.redis_url, longest=5), RedisBlobs(store), settings)
    state = jobs.state(job_id)
    assert state is not None
    assert (state.state, state.outcome) == ("finished", READING)


@dataclass
class Release(Processes):
    """The processes of the checkout in `root`."""

    root: Path = field(default=ROOT)

    def start(self, module: str, name: str | None = None) -> subprocess.Popen[bytes]:
        name = name or module
        with (self.folder / f"{name}.log").open("ab") as log:
            process = subprocess.Popen(
                [sys.executable, "-m", module], cwd=self.root, env=self.environment(), stdout=log, stderr=log
            )
        self.running[name] = process
        return process


def earlier_checkout(folder: Path) -> Path:
    """The earlier release's files. Where there is no git, this release's own: then it is a rolling restart."""
    git = ["git", "-C", str(ROOT), "archive", EARLIER, "web", "worker", "webhooks", "platehost"]
    try:
        archive = subprocess.run(git, capture_output=True, check=True, timeout=60).stdout
    except (OSError, subprocess.CalledProcessError):
        assert EARLIER == "HEAD", f"there is no commit {EARLIER}"
        for name in ("web", "worker", "webhooks", "platehost"):
            shutil.copytree(ROOT / name, folder / name)
        return folder
    with tarfile.open(fileobj=io.BytesIO(archive)) as files:
        files.extractall(folder, filter="data")
    return folder


class Clients:
    """Sends a picture again and again, to each of the webs in turn; a web may be taken out at any time.

    They hold back while some wait: how quick the machine is must not matter.
    """

    def __init__(self, photo: bytes, key: str, store: redis.Redis) -> None:
        self._jobs = Queue(QUEUE, connection=store, serializer=JSONSerializer)
        self.webs: list[str] = []
        self.accepted: list[str] = []
        self.faults: list[str] = []
        self.stop = threading.Event()
        self._photo = photo
        self._headers = {"Authorization": f"Bearer {key}", "Prefer": "respond-async"}
        self._thread = threading.Thread(target=self._run)

    def start(self) -> None:
        self._thread.start()

    def join(self) -> None:
        self.stop.set()
        self._thread.join()

    def _run(self) -> None:
        number = 0
        while not self.stop.wait(0.4):
            if self._jobs.count > 3:
                continue
            number += 1
            web = self.webs[number % len(self.webs)]
            answer = requests.post(
                f"{web}/v1/plate-reader/", headers=self._headers, files={"upload": self._photo}, timeout=40
            )
            if answer.status_code == 202:
                self.accepted.append(answer.json()["job_id"])
            else:
                self.faults.append(f"{answer.status_code} {answer.text}")


def test_a_rolling_upgrade_loses_nothing(pack: str, photo: bytes, tmp_path: Path) -> None:
    for name in ("redis", "old", "new", "earlier"):
        (tmp_path / name).mkdir()
    server = RedisServer(tmp_path / "redis")
    server.start()
    settings = {"PLATEHOST_PACK": pack, "PLATEHOST_WEBHOOK_ALLOW": "127.0.0.1/32", "PLATEHOST_BATCH_SIZE": "2"}
    old = Release(tmp_path / "old", server, settings, root=earlier_checkout(tmp_path / "earlier"))
    new = Release(tmp_path / "new", server, settings)
    receiver = Receiver()
    store = server.client()
    target = Targets(store).add("main", receiver.url)
    key = Accounts(store).create_key("upgrade")
    clients = Clients(photo, key, store)
    try:
        old.start_all()
        clients.webs = [old.url]
        clients.start()
        wait_until(lambda: receiver.received, 60, "the old release works")
        new.start("worker")
        new.start("webhooks")
        new.start("web")
        new.wait_ready()
        wait_until(lambda: '"event": "batch"' in new.log("worker"), 60, "the new worker works beside the old one")
        clients.webs = [old.url, new.url]
        sent = len(clients.accepted)
        wait_until(lambda: len(clients.accepted) > sent + 4, 60, "both webs are asked")
        assert old.stop("worker") == 0
        assert old.stop("webhooks") == 0
        clients.webs = [new.url]
        time.sleep(1)
        assert old.stop("web") == 0
        sent = len(clients.accepted)
        wait_until(lambda: len(clients.accepted) > sent + 2, 60, "the new release works alone")
        clients.join()

        assert not clients.faults
        left = set(clients.accepted)

        def all_read() -> bool:
            for job_id in list(left):
                answer = requests.get(
                    f"{new.url}/api/v1/jobs/{job_id}", headers={"Authorization": f"Bearer {key}"}, timeout=10
                ).json()
                assert answer["state"] != "failed", answer
                if answer["state"] == "finished":
                    assert SAMPLE_PLATE in str(answer), answer
                    left.discard(job_id)
            return not left

        wait_until(all_read, 180, "each picture is read, whoever took it")
        told = {f"msg_{job_id}_{target.id}" for job_id in clients.accepted}
        wait_until(lambda: {each.headers["webhook-id"] for each in receiver.received} >= told, 60, "each is delivered")
        assert Usage(store).calls("main", datetime.now(UTC)) == len(clients.accepted)
    finally:
        clients.stop.set()
        for release in (old, new):
            release.stop_all()
        server.stop()
        receiver.close()


@pytest.mark.parametrize("missing", ["code", "message"])
def test_what_must_be_there_is_asked_for(missing: str) -> None:
    stored = {"code": "corrupt_image", "message": "The picture is damaged."}
    with pytest.raises(TypeError):
        made(reading.Failure, {name: value for name, value in stored.items() if name != missing})
