"""Recent readings, kept for a set time so that people can look for a plate; off unless PLATEHOST_READINGS_KEEP is set.

In Redis, per account: a sorted set by time of `<id> <plate> <camera>`, so that a search reads no record; and one hash
per plate with its record and its crop, which ends by itself.
"""

from __future__ import annotations

import fnmatch
import json
import re
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any

from platehost.crops import PICTURE_ERRORS, plate_crops
from platehost.reading import Reading
from platehost.settings import Settings
from platehost.store import Client
from platehost.stored import made

PREFIX = "platehost:readings:"
RECORD = "platehost:reading:"
_CHUNK = 1000


@dataclass(frozen=True)
class Seen:
    """One plate in one picture: `camera` is the client's `camera_id`, empty when it sent none; `time` is aware."""

    id: str
    plate: str
    camera: str
    time: datetime
    score: float
    dscore: float
    region: str
    job: str


@dataclass(frozen=True)
class Page:
    """Readings, newest first; `older` is the time to go on before, None at the end."""

    readings: Sequence[Seen]
    older: float | None


class Recent:
    """The recent readings in one Redis. Every method may raise redis.RedisError when the store cannot be reached."""

    def __init__(self, store: Client, settings: Settings) -> None:
        self._store = store
        self._keep = settings.readings_keep
        self._most = settings.readings_most

    @property
    def is_on(self) -> bool:
        return self._keep > 0

    def add(self, account: str, job: str, reading: Reading, picture: bytes | None, camera: str, when: datetime) -> None:
        """Keeps every plate of a reading, with its crop when there is a picture. A job done twice is kept once."""
        if not self.is_on or not reading.plates:
            return
        crops: list[bytes] = []
        if picture:
            try:
                crops = plate_crops(picture, reading.plates)
            except PICTURE_ERRORS:
                crops = []  # the reading counts, not its picture
        index = PREFIX + account
        with self._store.pipeline() as pipeline:
            for number, plate in enumerate(reading.plates):
                seen = Seen(
                    id=f"{job}-{number}",
                    plate=plate.text,
                    camera=camera,
                    time=when,
                    score=round(plate.score, 3),
                    dscore=round(plate.dscore, 3),
                    region=plate.region.code if plate.region else "",
                    job=job,
                )
                record: dict[str, Any] = {"record": json.dumps({**asdict(seen), "time": when.isoformat()})}
                if number < len(crops):
                    record["crop"] = crops[number]
                pipeline.hset(RECORD + account + ":" + seen.id, mapping=record)
                pipeline.expire(RECORD + account + ":" + seen.id, self._keep)
                pipeline.zadd(index, {f"{seen.id} {seen.plate} {camera}": when.timestamp()})
            pipeline.zremrangebyscore(index, "-inf", datetime.now(UTC).timestamp() - self._keep)
            pipeline.zrange(index, 0, -self._most - 1)
            pipeline.expire(index, self._keep)
            surplus = pipeline.execute()[-2]
        if surplus:
            self._drop(account, surplus)

    def search(
        self,
        account: str,
        *,
        plate: str = "",
        camera: str = "",
        since: float | None = None,
        before: float | None = None,
        most: int = 30,
    ) -> Page:
        """Readings of an account, newest first.

        `plate` may hold * for any characters and ? for one; a plate matches as a whole, without regard to case and
        gaps. `camera` is a part of the camera's name. `since` and `before` are Unix seconds, the latter excluded.
        """
        wanted = _pattern(plate)
        part = camera.strip().casefold()
        oldest = max(since or 0, datetime.now(UTC).timestamp() - self._keep)
        newest = f"({before}" if before is not None else "+inf"
        found: list[tuple[str, float]] = []
        start = 0
        while len(found) <= most:
            chunk = self._store.zrange(
                PREFIX + account, newest, oldest, desc=True, byscore=True, offset=start, num=_CHUNK, withscores=True
            )
            for member, score in chunk:
                reading_id, text, camera_name = member.decode().split(" ", 2)
                if wanted.fullmatch(text) and part in camera_name.casefold():
                    found.append((reading_id, score))
            if len(chunk) < _CHUNK:
                break
            start += _CHUNK
        # Plates of one picture share a time, and a page never parts them.
        last = found[most - 1][1] if len(found) > most else None
        shown = [each for each, score in found if last is None or score >= last]
        return Page(self._records(account, shown), last)

    def crop(self, account: str, reading_id: str) -> bytes | None:
        """The crop of one plate as a JPEG, None when there is none or its time is over."""
        crop: bytes | None = self._store.hget(RECORD + account + ":" + reading_id, "crop")
        return crop

    def forget(self, account: str) -> None:
        """Drops all readings of an account."""
        while members := self._store.zrange(PREFIX + account, 0, _CHUNK - 1):
            self._drop(account, members)

    def _drop(self, account: str, members: Sequence[bytes]) -> None:
        with self._store.pipeline() as pipeline:
            pipeline.unlink(*(RECORD + account + ":" + each.decode().split(" ", 1)[0] for each in members))
            pipeline.zrem(PREFIX + account, *members)
            pipeline.execute()

    def _records(self, account: str, ids: Sequence[str]) -> list[Seen]:
        with self._store.pipeline(transaction=False) as pipeline:
            for each in ids:
                pipeline.hget(RECORD + account + ":" + each, "record")
            stored = [json.loads(each) for each in pipeline.execute() if each]
        return [made(Seen, {**each, "time": datetime.fromisoformat(each["time"])}) for each in stored]


def _pattern(plate: str) -> re.Pattern[str]:
    text = re.sub(r"[^A-Z0-9*?]", "", plate.upper())
    return re.compile(fnmatch.translate(text or "*"))
