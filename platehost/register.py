"""The operator's own register: which vehicle a plate belongs to. One Redis hash, plate to JSON."""

from __future__ import annotations

import json
import re
import uuid
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict
from itertools import islice
from typing import TypeVar

from platehost.reading import Registration
from platehost.store import Client

T = TypeVar("T")

SOURCE = "register"
KEY = "platehost:register"
LONGEST_PLATE = 12
_ROWS_AT_ONCE = 1000
# A replacement that broke off does not stay for ever.
_UNFINISHED_SECONDS = 3600


class PlateError(ValueError):
    """A text that is no plate. The message is fit for a user."""


def plate_of(text: str) -> str:
    """A plate as readings have it: A-Z and 0-9, without blanks, dashes and dots. Raises PlateError."""
    plate = re.sub(r"[\s.\-]+", "", text).upper()
    if not plate:
        raise PlateError("is empty; write the plate, such as AB12 CDE")
    if not re.fullmatch(r"[A-Z0-9]+", plate):
        raise PlateError(f"is {text!r}; write it with A-Z and 0-9 alone, as it is read, such as AB12 CDE")
    if len(plate) > LONGEST_PLATE:
        raise PlateError(f"is {text!r}, which has {len(plate)} characters; at most {LONGEST_PLATE} are taken")
    return plate


class Register:
    """The vehicles in one Redis. Plates are those of `plate_of`. Every method may raise redis.RedisError."""

    def __init__(self, store: Client) -> None:
        self._store = store

    def add(self, vehicles: Mapping[str, Registration], *, replace: bool = False) -> None:
        """Adds vehicles by plate; what is there for the same plate gives way.

        With `replace` everything else goes, in the same moment: nobody ever sees half a register.
        """
        if replace and not vehicles:
            self.clear()
            return
        key = f"{KEY}:new:{uuid.uuid4().hex}" if replace else KEY
        for part in _parts(vehicles.items()):
            with self._store.pipeline() as pipeline:
                pipeline.hset(key, mapping={plate: _stored(vehicle) for plate, vehicle in part})
                if replace:
                    pipeline.expire(key, _UNFINISHED_SECONDS)
                pipeline.execute()
        if replace:
            with self._store.pipeline() as pipeline:
                pipeline.persist(key)
                pipeline.rename(key, KEY)
                pipeline.execute()

    def find(self, plates: Sequence[str]) -> dict[str, Registration]:
        """What the register says of these plates; those that it does not know are left out."""
        found = self._store.hmget(KEY, plates) if plates else []
        return {plate: _restored(text) for plate, text in zip(plates, found, strict=True) if text is not None}

    def vehicles(self) -> Iterator[tuple[str, Registration]]:
        """Every plate with its vehicle, in the order of the plates."""
        plates = sorted(each.decode() for each in self._store.hkeys(KEY))
        for part in _parts(plates):
            yield from self.find(part).items()

    def remove(self, plate: str) -> bool:
        """Forgets a plate; False when it was not there."""
        return bool(self._store.hdel(KEY, plate))

    def clear(self) -> int:
        """Forgets every plate; returns how many there were."""
        with self._store.pipeline() as pipeline:
            pipeline.hlen(KEY)
            pipeline.delete(KEY)
            count, _ = pipeline.execute()
        return int(count)


def _parts(whole: Iterable[T]) -> Iterator[list[T]]:
    rows = iter(whole)
    while part := list(islice(rows, _ROWS_AT_ONCE)):
        yield part


def _stored(vehicle: Registration) -> str:
    return json.dumps(
        {name: value for name, value in asdict(vehicle).items() if value is not None and name != "source"}
    )


def _restored(text: bytes) -> Registration:
    return Registration(source=SOURCE, **json.loads(text))
