"""Back-ups: what a Redis holds of a service, as one file that any other Redis of the same or a newer version takes.

Taken from a living Redis, through its port: no file of its disk is needed, so that a managed one will do, and an
append-only file does not stand in the way. What belongs together is taken in one step. That step must be short, so it
leaves out the many records that change little: these are taken before, and those that came since, after it.
"""

from __future__ import annotations

import base64
import gzip
import hashlib
import json
import shutil
import tempfile
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from itertools import islice
from typing import IO, Any

from redis.exceptions import OutOfMemoryError, ResponseError
from rq import Queue
from rq.registry import FailedJobRegistry, FinishedJobRegistry, StartedJobRegistry

from platehost.jobs import QUEUE
from platehost.store import Client
from platehost.targets import ACCOUNTS

FORMAT = "platehost-backup"
VERSION = 1

# Uploaded pictures: large, private, and gone within the hour.
_PICTURES = b"blob:"
# Of the moment: who works now, who sent how much in this second, and what Prometheus keeps itself.
_LEFT_OUT = (b"rq:worker:", b"rq:workers", b"rq:clean_", b"LIMITS:", b"platehost:metrics", b"platehost:alive:")
# One record each, told of by a queue, a registry or a counter: an old one of them does no harm.
_STEADY = (
    b"rq:job:",
    b"rq:results:",
    b"rq:execution",
    b"platehost:delivery:",
    b"platehost:delivered:",
    b"platehost:counted:",
    b"platehost:batch:",
    b"platehost:reading:",
    b"platehost:lookup:",
    _PICTURES,
)
# A service writes these by itself when it starts: a store that has nothing else is empty.
_FROM_THE_START = (b"platehost:setup:", b"platehost:dashboard:secret", b"platehost:keys:indexed")
_TRIAL = b"platehost:restore:trial"
_AT_ONCE = 500
# How often the step is done again because keys appeared that it did not know of.
_MOST_ROUNDS = 5


class BackupError(Exception):
    """A file that is no back-up, or not whole, or a store that cannot take it; the message is for the operator."""


@dataclass(frozen=True)
class Record:
    """One key: `dump` as Redis's DUMP gives it, `expires` in Unix milliseconds."""

    key: bytes
    expires: int | None
    dump: bytes


@dataclass(frozen=True)
class Header:
    """The first line of a file: `sha256` is that of everything behind it."""

    made: str
    platehost: str
    redis: str
    records: int
    sha256: str
    format: str = FORMAT
    version: int = VERSION


def snapshot(store: Client, *, pictures: bool = False) -> Iterator[Record]:
    """All records of the service, those first that others tell of. Raises redis.RedisError."""

    def wanted(key: bytes) -> bool:
        return _is_kept(key) and (pictures or not key.startswith(_PICTURES))

    taken: set[bytes] = set()
    moving: set[bytes] = set()
    yield from _dump_steady(store, wanted, taken, moving)
    step: list[Record] = []
    for _ in range(_MOST_ROUNDS):
        moving |= _queues(store)
        step = _dump(store, sorted(moving), transaction=True)
        known, moving = moving, set()
        # A queue that was filled since the keys were listed is new here; so may be its records.
        yield from _dump_steady(store, wanted, taken, moving)
        if moving <= known:
            break
        moving |= known
    yield from step


def write(file: IO[bytes], store: Client, *, pictures: bool = False) -> Header:
    """Writes a back-up of `store`. Raises redis.RedisError or OSError."""
    with tempfile.TemporaryFile() as body:
        count = 0
        with gzip.GzipFile(fileobj=body, mode="wb", compresslevel=6, mtime=0) as packed:
            for record in snapshot(store, pictures=pictures):
                packed.write(_line(record))
                count += 1
        header = Header(
            made=datetime.now(UTC).isoformat(timespec="seconds"),
            platehost=version("platehost"),
            redis=str(store.info("server")["redis_version"]),
            records=count,
            sha256=_digest(body),
        )
        file.write(json.dumps(asdict(header)).encode() + b"\n")
        body.seek(0)
        shutil.copyfileobj(body, file)
    return header


def check(file: IO[bytes]) -> Header:
    """The header of a whole back-up; leaves `file`, which can seek, where its records begin. Raises BackupError."""
    try:
        stored = json.loads(file.readline(10_000))
        known = stored["format"] == FORMAT
    except (ValueError, KeyError, TypeError):
        known = False
    if not known:
        raise BackupError("This file is no back-up of Platehost: make one with `platehost backup FILE`.")
    if stored.get("version") != VERSION:
        raise BackupError(
            f"This back-up has the form {stored.get('version')}, and this release reads {VERSION}: restore it with "
            f"release {stored.get('platehost')} or newer."
        )
    try:
        header = Header(**{name: stored[name] for name in Header.__dataclass_fields__})
    except KeyError as error:
        raise BackupError(f"The back-up's first line lacks {error}: take another copy of the file.") from None
    start = file.tell()
    if _digest(file, start) != header.sha256:
        raise BackupError("The back-up is damaged or cut off (its SHA-256 differs): take another copy of the file.")
    file.seek(start)
    return header


def records(file: IO[bytes]) -> Iterator[Record]:
    """The records of a checked back-up."""
    with gzip.GzipFile(fileobj=file, mode="rb") as packed:
        for line in packed:
            stored = json.loads(line)
            yield Record(base64.b64decode(stored["key"]), stored["expires"], base64.b64decode(stored["dump"]))


def is_empty(store: Client) -> bool:
    """Whether a store has nothing but what a service writes when it starts. Raises redis.RedisError."""
    keys = store.scan_iter(count=_AT_ONCE)
    return not any(_is_kept(key) and not key.startswith(_FROM_THE_START) for key in keys)


def try_one(store: Client, found: Iterable[Record]) -> None:
    """Writes one record under a name of its own and removes it. Raises BackupError when the store takes none."""
    for each in islice(found, 1):
        try:
            restore(store, [Record(_TRIAL, None, each.dump)])
        finally:
            store.unlink(_TRIAL)


def clear(store: Client) -> None:
    """Forgets everything that a back-up would keep. Raises redis.RedisError."""
    keys = (key for key in store.scan_iter(count=_AT_ONCE) if _is_kept(key))
    while some := list(islice(keys, _AT_ONCE)):
        store.unlink(*some)


def restore(store: Client, found: Iterable[Record]) -> int:
    """Writes the records whose time is not over; returns how many. Raises BackupError or redis.RedisError."""
    seconds, micros = store.time()
    now = seconds * 1000 + micros // 1000
    left = (each for each in found if each.expires is None or each.expires > now)
    count = 0
    while some := list(islice(left, _AT_ONCE)):
        with store.pipeline(transaction=False) as pipeline:
            for each in some:
                pipeline.restore(each.key, each.expires or 0, each.dump, replace=True, absttl=each.expires is not None)
            try:
                pipeline.execute()
            except OutOfMemoryError:
                raise BackupError("The store is full: raise its maxmemory and restore again with --force.") from None
            except ResponseError as error:
                if "DUMP payload" not in str(error):
                    raise
                raise BackupError(
                    f"This Redis ({store.info('server')['redis_version']}) does not take the back-up's records: use "
                    "one that is as new as the one that they come from, and restore again with --force."
                ) from None
        count += len(some)
    return count


def _is_kept(key: bytes) -> bool:
    return not key.startswith(_LEFT_OUT)


def _queues(store: Client) -> set[bytes]:
    """Keys that Redis has only while something stands in them: it may come between a look at the keys and the step."""
    queue = Queue(QUEUE, connection=store)
    found = {queue.key, queue.intermediate_queue_key}
    found |= {registry(queue=queue).key for registry in (StartedJobRegistry, FinishedJobRegistry, FailedJobRegistry)}
    for target in store.hkeys(ACCOUNTS):
        found |= {f"platehost:{place}:{target.decode()}" for place in ("queue", "taken", "ended", "attempts")}
    return {key.encode() for key in (*found, "platehost:queues", "platehost:pictures")}


def _dump_steady(
    store: Client, wanted: Callable[[bytes], bool], taken: set[bytes], moving: set[bytes]
) -> Iterator[Record]:
    """Dumps the steady keys that are not among `taken`, and notes all other keys in `moving`."""
    fresh: list[bytes] = []
    for key in store.scan_iter(count=_AT_ONCE):
        if not wanted(key):
            continue
        if not key.startswith(_STEADY):
            moving.add(key)
        elif key not in taken:
            taken.add(key)
            fresh.append(key)
        if len(fresh) >= _AT_ONCE:
            yield from _dump(store, fresh, transaction=False)
            fresh = []
    if fresh:
        yield from _dump(store, fresh, transaction=False)


def _dump(store: Client, keys: list[bytes], *, transaction: bool) -> list[Record]:
    with store.pipeline(transaction=transaction) as pipeline:
        pipeline.time()
        for key in keys:
            pipeline.dump(key)
            pipeline.pttl(key)
        (seconds, micros), *answers = pipeline.execute()
    now = seconds * 1000 + micros // 1000
    return [
        Record(key, now + left if left >= 0 else None, dump)
        for key, dump, left in zip(keys, answers[::2], answers[1::2], strict=True)
        if dump is not None
    ]


def _line(record: Record) -> bytes:
    fields: dict[str, Any] = {
        "key": base64.b64encode(record.key).decode(),
        "expires": record.expires,
        "dump": base64.b64encode(record.dump).decode(),
    }
    return json.dumps(fields, separators=(",", ":")).encode() + b"\n"


def _digest(file: IO[bytes], start: int = 0) -> str:
    """SHA-256 of a file from `start` to its end, in hex."""
    file.seek(start)
    digest = hashlib.sha256()
    while block := file.read(1 << 20):
        digest.update(block)
    return digest.hexdigest()
