"""What a provider is: a register of other people's, asked by HTTP for one plate at a time."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from platehost.outbound import Answer, Outbound, OutboundError
from platehost.reading import Registration
from platehost.retry_after import retry_after

# Far more than an answer about one vehicle has.
_MOST_BYTES = 262_144


@dataclass(frozen=True)
class Found:
    """What a provider says: None for a plate that it does not know; not `whole` when a part could not be had."""

    registration: Registration | None
    whole: bool = True


class Provider(Protocol):
    """One register. Safe to be asked by several threads."""

    name: str

    def find(self, plate: str, seconds: float) -> Found:
        """What it says of `plate` (A-Z, 0-9), within `seconds`. Raises ProviderError."""
        ...


class ProviderError(Exception):
    """A provider that did not answer the question. The message names no plate and no key.

    `end` is failed, limited (too many requests) or refused (the key); `pause` are the seconds for which the provider
    asked to be left alone, None when it did not say.
    """

    def __init__(self, message: str, *, end: str = "failed", pause: float | None = None) -> None:
        super().__init__(message)
        self.end = end
        self.pause = pause


def fetch(
    outbound: Outbound,
    method: str,
    url: str,
    *,
    plate: str,
    headers: Mapping[str, str],
    body: bytes | None = None,
    seconds: float,
) -> Answer:
    """The answer with status 200, 400 or 404. Raises ProviderError for every other and for none."""
    try:
        answer = outbound.send(method, url, headers=headers, body=body, seconds=seconds, most_bytes=_MOST_BYTES)
    except OutboundError as error:
        raise ProviderError(str(error).replace(plate, "(plate)")) from error
    if answer.status in (200, 400, 404):
        return answer
    now = time.time()
    asked = retry_after(answer.headers, now)
    pause = None if asked is None else asked - now
    if answer.status == 429:
        raise ProviderError("too many requests (429)", end="limited", pause=pause)
    if answer.status in (401, 403):
        raise ProviderError(f"the key was refused ({answer.status})", end="refused")
    raise ProviderError(f"status {answer.status}", pause=pause)


def parsed(answer: Answer) -> Any:
    """The JSON of an answer. Raises ProviderError."""
    if not answer.whole:
        raise ProviderError("the answer broke off, or was too long")
    try:
        return json.loads(answer.body)
    except (ValueError, RecursionError):
        raise ProviderError(f"status {answer.status} without JSON") from None
