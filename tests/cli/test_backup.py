"""`platehost backup` and `platehost restore`: what comes back on an empty machine, and what is refused."""

from __future__ import annotations

import json
import subprocess
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
import requests

from platehost import backup
from platehost.accounts import Accounts
from platehost.blobs import RedisBlobs
from platehost.deliveries import Attempt, Deliveries, event_of
from platehost.jobs import JobRequest, Jobs
from platehost.options import Options
from platehost.settings import Settings
from platehost.store import Client, connect_waiting
from platehost.targets import Targets
from platehost.usage import Usage
from tests.cli.support import COMMAND, Platehost, one_sentence
from tests.service.conftest import own, pack
from tests.service.scripted import ScriptedReader, run_worker
from tests.service.support import SAMPLE, SAMPLE_PLATE, Processes, RedisServer, wait_until
from tests.webhooks.office import READING
from tests.webhooks.receiver import Receiver

__all__ = ["own", "pack"]

ECHO = {"filename": "1617_7M83K_car.jpg", "camera_id": None, "timestamp": "2026-05-01T10:11:12.131415Z"}


@pytest.fixture
def old(tmp_path: Path) -> Iterator[RedisServer]:
    yield from started(tmp_path / "old")


@pytest.fixture
def new(tmp_path: Path) -> Iterator[RedisServer]:
    yield from started(tmp_path / "new")


def started(folder: Path) -> Iterator[RedisServer]:
    folder.mkdir()
    server = RedisServer(folder)
    server.start()
    yield server
    server.stop()


def jobs_of(server: RedisServer) -> Jobs:
    store = server.client()
    waiting = connect_waiting(server.url, longest=60)
    return Jobs(store, waiting, RedisBlobs(store), Settings(redis_url=server.url))


def test_all_comes_back_on_an_empty_machine(
    platehost: Platehost, old: RedisServer, new: RedisServer, tmp_path: Path
) -> None:
    receiver = Receiver()
    store = old.client()
    settings = Settings(redis_url=old.url)
    key = Accounts(store).create_key("gate")
    target = Targets(store).add("main", receiver.url, secret="whsec_" + "QUJD" * 8, headers={"X-Site": "north"})
    read = jobs_of(old).submit(SAMPLE.read_bytes(), JobRequest("main", "snapshot", echo=ECHO))
    run_worker(store, settings, ScriptedReader(READING))
    queued = jobs_of(old).submit(SAMPLE.read_bytes(), JobRequest("main", "snapshot", echo=ECHO))
    file = tmp_path / "platehost.backup"
    done = platehost("backup", file, "--pictures", env={"REDIS_URL": old.url})
    assert done.returncode == 0, done.stderr
    assert "records" in done.stdout
    assert file.stat().st_mode & 0o777 == 0o600
    old.stop()

    restored = platehost("restore", file, env={"REDIS_URL": new.url})
    assert restored.returncode == 0, restored.stderr
    store = new.client()
    assert Usage(store).calls("main", datetime.now(UTC)) == 1
    assert Targets(store).get(target.id) == target
    assert "gate" in platehost("key", "list", env={"REDIS_URL": new.url}).stdout
    assert jobs_of(new).state(read).state == "finished"  # type: ignore[union-attr]

    processes = Processes(tmp_path, new, {"PLATEHOST_WEBHOOK_ALLOW": "127.0.0.1/32"})
    try:
        processes.start_all()
        headers = {"Authorization": f"Bearer {key}"}

        def queued_is_read() -> bool:
            state = requests.get(f"{processes.url}/api/v1/jobs/{queued}", headers=headers, timeout=10).json()
            return bool(state["state"] == "finished") and SAMPLE_PLATE in json.dumps(state)

        wait_until(queued_is_read, 40, "the job that waited is read")
        wait_until(lambda: len(receiver.received) == 2, 30, "what was pending and what is new is delivered")
    finally:
        processes.stop_all()
    told = {each.headers["webhook-id"]: each.headers for each in receiver.received}
    assert set(told) == {f"msg_{job}_{target.id}" for job in (read, queued)}
    assert all(each["x-site"] == "north" and "webhook-signature" in each for each in told.values())
    assert Usage(store).calls("main", datetime.now(UTC)) == 2
    receiver.close()


def test_a_data_folder_goes_from_machine_to_machine(platehost: Platehost, tmp_path: Path) -> None:
    first, second, file = tmp_path / "first", tmp_path / "second", tmp_path / "b"
    assert platehost("key", "create", "gate", "--data", first).returncode == 0
    assert platehost("backup", file, "--data", first).returncode == 0
    done = platehost("restore", file, "--data", second)
    assert done.returncode == 0, done.stderr
    shown = [platehost("key", "list", "--data", each).stdout for each in (first, second)]
    assert "gate" in shown[0]
    assert shown[0] == shown[1]


def test_through_a_pipe(environment: dict[str, str], old: RedisServer, new: RedisServer) -> None:
    Accounts(old.client()).create_key("gate")

    def piped(command: str, server: RedisServer, given: bytes = b"") -> subprocess.CompletedProcess[bytes]:
        env = {**environment, "REDIS_URL": server.url}
        return subprocess.run([COMMAND, command, "-"], env=env, input=given, capture_output=True, timeout=60)

    taken = piped("backup", old)
    assert taken.returncode == 0, taken.stderr
    restored = piped("restore", new, taken.stdout)
    assert restored.returncode == 0, restored.stderr
    assert Accounts(new.client()).list_keys() == Accounts(old.client()).list_keys()


def test_a_store_that_is_not_empty_is_left_alone(
    platehost: Platehost, old: RedisServer, new: RedisServer, tmp_path: Path
) -> None:
    file = tmp_path / "b"
    Accounts(old.client()).create_key("gate")
    assert platehost("backup", file, env={"REDIS_URL": old.url}).returncode == 0
    later = Accounts(new.client()).create_key("made later")
    sentence = one_sentence(platehost("restore", file, env={"REDIS_URL": new.url}))
    assert "not empty" in sentence
    assert "--force" in sentence
    assert [each.name for each in Accounts(new.client()).list_keys()] == ["made later"]

    assert platehost("restore", file, "--force", env={"REDIS_URL": new.url}).returncode == 0
    assert [each.name for each in Accounts(new.client()).list_keys()] == ["gate"]
    assert Accounts(new.client()).find_key(later) is None


def test_a_service_that_runs_but_knows_nothing_is_empty(
    platehost: Platehost, old: RedisServer, own: Processes, tmp_path: Path
) -> None:
    file = tmp_path / "b"
    key = Accounts(old.client()).create_key("gate")
    assert platehost("backup", file, env={"REDIS_URL": old.url}).returncode == 0
    own.start_all()
    done = platehost("restore", file, env={"REDIS_URL": own.server.url})
    assert done.returncode == 0, done.stderr
    answer = requests.post(
        f"{own.url}/v1/plate-reader/",
        headers={"Authorization": f"Token {key}"},
        files={"upload": SAMPLE.read_bytes()},
        timeout=40,
    )
    assert answer.json()["results"][0]["plate"] == SAMPLE_PLATE


@pytest.mark.parametrize(
    ("harm", "told"),
    [
        (lambda content: content[:-1], "damaged or cut off"),
        (lambda content: content[:-9] + bytes([content[-9] ^ 1]) + content[-8:], "damaged or cut off"),
        (lambda content: content.split(b"\n", 1)[1], "no back-up of Platehost"),
        (lambda content: b"", "no back-up of Platehost"),
        (lambda content: content.replace(b'"version": 1', b'"version": 2', 1), "form 2"),
        (lambda content: content.replace(b'"sha256"', b'"sha"', 1), "lacks 'sha256'"),
    ],
    ids=["cut", "flipped", "headless", "empty", "newer", "incomplete"],
)
def test_a_file_that_is_not_whole_changes_nothing(
    platehost: Platehost, old: RedisServer, new: RedisServer, tmp_path: Path, harm: object, told: str
) -> None:
    file = tmp_path / "b"
    Accounts(old.client()).create_key("gate")
    assert platehost("backup", file, env={"REDIS_URL": old.url}).returncode == 0
    file.write_bytes(harm(file.read_bytes()))  # type: ignore[operator]
    Accounts(new.client()).create_key("stays")
    assert told in one_sentence(platehost("restore", file, "--force", env={"REDIS_URL": new.url}))
    assert [each.name for each in Accounts(new.client()).list_keys()] == ["stays"]


def test_what_cannot_be_is_told_in_one_sentence(platehost: Platehost, new: RedisServer, tmp_path: Path) -> None:
    here = {"REDIS_URL": new.url}
    assert "cannot be read" in one_sentence(platehost("restore", tmp_path / "nothing", env=here))
    assert "cannot be written" in one_sentence(platehost("backup", tmp_path / "no" / "folder", env=here))
    away = {"REDIS_URL": "redis://127.0.0.1:1/0"}
    assert "The store failed" in one_sentence(platehost("backup", tmp_path / "b", env=away))
    assert not list(tmp_path.glob("b*")), "nothing half is left"


def test_times_go_on_and_what_is_over_stays_over(old: RedisServer, new: RedisServer) -> None:
    store = old.client()
    store.set("short", 1, ex=600)
    store.set("long", 1, ex=600)
    store.set("for ever", 1)
    store.xadd("stream", {"a": 1})
    found = list(backup.snapshot(store))
    assert len(found) == 4
    found = [replace(each, expires=1000) if each.key == b"short" else each for each in found]
    assert backup.restore(new.client(), found) == 3
    assert not new.client().exists("short")
    assert 500 < new.client().ttl("long") <= 600
    assert new.client().ttl("for ever") == -1
    assert new.client().xrange("stream") == store.xrange("stream")


def test_pictures_and_what_is_of_the_moment_are_left_out(old: RedisServer) -> None:
    store = old.client()
    kept = {b"platehost:key:a", b"rq:queue:recognise", b"rq:job:a"}
    for key in kept | {b"rq:worker:a", b"rq:workers:recognise", b"LIMITS:a", b"platehost:metrics:1", b"blob:a:0"}:
        store.set(key, 1)
    assert {each.key for each in backup.snapshot(store)} == kept
    assert {each.key for each in backup.snapshot(store, pictures=True)} == kept | {b"blob:a:0"}


def test_no_delivery_slips_through_while_the_service_works(
    old: RedisServer, new: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Deliveries go from queue to taken to ended and new ones come, all the time; each stands in one of them."""
    monkeypatch.setattr(backup, "_AT_ONCE", 25)
    store = old.client()
    settings = Settings(redis_url=old.url, webhook_rate=10_000, webhook_in_flight=64, webhook_kept=1_000_000)
    deliveries = Deliveries(store, settings)
    target = Targets(store).add("main", "https://example.com/")
    event = event_of("job", "main", Options().to_json(), {}, {})
    made: list[str] = []
    stop = threading.Event()

    def work() -> None:
        number = 0
        while not stop.is_set():
            with store.pipeline() as pipeline:
                deliveries.enqueue(pipeline, f"job{number}", "main", event, "")
                pipeline.execute()
            made.append(f"msg_job{number}_{target.id}")
            number += 1
            taken = deliveries.take(target.id, 2)
            for each in taken[1] if taken else []:
                again = number % 3 == 0
                attempt = Attempt(each.id, 1, time.time(), 500 if again else 200, 1.0, "", "")
                deliveries.finish(each, attempt, state="pending" if again else "delivered", due=time.time())

    worker = threading.Thread(target=work)
    worker.start()
    try:
        wait_until(lambda: len(made) > 100, 30, "the service works")
        for _ in range(5):
            before = set(made)
            assert before
            new.client().flushdb()
            backup.restore(new.client(), backup.snapshot(store))
            copy: Client = new.client()
            places = [
                {each.decode() for each in copy.zrange(f"platehost:{place}:{target.id}", 0, -1)}
                for place in ("queue", "taken", "ended")
            ]
            together = set().union(*places)
            assert before <= together
            # They were made in turn: whatever came before the last one that is there, is there.
            numbers = {int(each.removeprefix("msg_job").partition("_")[0]) for each in together}
            assert numbers == set(range(max(numbers) + 1))
            assert sum(map(len, places)) == len(together), "each in one place"
            assert all(Deliveries(copy, settings).get(each) for each in together), "each with its record"
    finally:
        stop.set()
        worker.join()


def test_a_full_store_says_so(old: RedisServer, new: RedisServer) -> None:
    old.client().set("a", b"x" * 2_000_000)
    found = list(backup.snapshot(old.client()))
    new.client().config_set("maxmemory", new.client().info("memory")["used_memory"] + 100_000)
    big = [backup.Record(f"a{n}".encode(), None, found[0].dump) for n in range(5)]
    with pytest.raises(backup.BackupError, match="maxmemory"):
        backup.restore(new.client(), big)


def test_records_of_a_newer_redis_are_told(new: RedisServer) -> None:
    store: Client = new.client()
    store.set("a", 1)
    dump = bytearray(store.dump("a"))
    dump[-10] = 0xFF  # the version of the form, before the checksum
    with pytest.raises(backup.BackupError, match="as new as"):
        backup.restore(store, [backup.Record(b"a", None, bytes(dump))])


def test_what_a_store_cannot_take_costs_nothing_that_it_holds(
    platehost: Platehost, old: RedisServer, new: RedisServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "b"
    dump = backup._dump

    def newer(store: Client, keys: list[bytes], *, transaction: bool) -> list[backup.Record]:
        taken = dump(store, keys, transaction=transaction)
        # The version of the form, before the checksum.
        return [replace(each, dump=each.dump[:-10] + b"\xff" + each.dump[-9:]) for each in taken]

    Accounts(old.client()).create_key("gate")
    monkeypatch.setattr(backup, "_dump", newer)
    with file.open("wb") as target:
        backup.write(target, old.client())
    Accounts(new.client()).create_key("stays")
    assert "as new as" in one_sentence(platehost("restore", file, "--force", env={"REDIS_URL": new.url}))
    assert [each.name for each in Accounts(new.client()).list_keys()] == ["stays"]
    assert not new.client().keys("*trial*")
