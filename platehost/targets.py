"""Targets: where an account wants to be told of its recognitions, and in which form.

Targets are changed as a whole, with an optimistic lock: the command line, web and webhooks may all do so at once.
"""

from __future__ import annotations

import base64
import binascii
import json
import re
import secrets
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit

from platehost.store import Client

PREFIX = "platehost:targets:"
ACCOUNTS = "platehost:webhook:accounts"
NEXT_ID = "platehost:webhook:next"

EVENTS = ("image.done",)
FORMATS = ("json", "form", "multipart")
IMAGES = ("none", "original", "vehicle", "plate")

LONGEST_URL = 2000
MOST_RATE = 10_000.0
LEAST_RATE = 0.01
MOST_IN_FLIGHT = 64
MOST_HEADERS = 20
LONGEST_HEADER = 2000
SECRET_PREFIX = "whsec_"  # noqa: S105
_HEADER_NAME = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]{1,100}")
_HEADER_VALUE = re.compile(r"[\x20-\x7e\xa0-\xff]*")
_MAIL = re.compile(r"[^\s@,;<>]+@[^\s@,;<>]+")
# What a delivery says of itself, and what would change how it is sent.
_OWN_HEADERS = {
    "host",
    "content-length",
    "content-type",
    "transfer-encoding",
    "connection",
    "expect",
    "te",
    "trailer",
    "upgrade",
    "webhook-id",
    "webhook-timestamp",
    "webhook-signature",
}


class TargetError(ValueError):
    """A target that cannot be. `field` names what is at fault; the message says the limit and the remedy."""

    def __init__(self, field: str, message: str) -> None:
        super().__init__(message)
        self.field = field


# Why a target is off when people switched it off; any other reason is the service's own.
PAUSED = "Paused in the dashboard."
BY_ACCOUNT = "Switched off by its account."


@dataclass(frozen=True)
class Target:
    """One receiver. `old_secret` signs too until `old_secret_until` (Unix seconds); `off_reason` is why it is off.

    `max_rate` (requests per second) and `max_in_flight` (at the same time) are its own limits below the service's; 0 is
    none.
    """

    id: int
    account: str
    url: str
    event: str = EVENTS[0]
    format: str = "json"
    image: str = "none"
    headers: Mapping[str, str] = field(default_factory=dict)
    secret: str = ""
    old_secret: str = ""
    old_secret_until: float = 0.0
    mail: str = ""
    max_rate: float = 0.0
    max_in_flight: int = 0
    on: bool = True
    off_reason: str = ""
    created: str = ""

    @property
    def given_up(self) -> bool:
        """Whether the service switched it off, for failures or because its receiver said that it is gone."""
        return not self.on and self.off_reason not in ("", PAUSED, BY_ACCOUNT)

    def described(self) -> dict[str, Any]:
        """For its owner, without what its secret and its headers hold."""
        return {
            "id": self.id,
            "url": self.url,
            "event": self.event,
            "format": self.format,
            "image": self.image,
            "headers": sorted(self.headers),
            "signed": bool(self.secret),
            "mail": self.mail,
            "max_rate": self.max_rate or None,
            "max_in_flight": self.max_in_flight or None,
            "on": self.on,
            "off_reason": self.off_reason,
            "created": self.created,
        }

    def secrets_at(self, now: float) -> list[str]:
        """The secrets that sign at this time, the new one first."""
        old = [self.old_secret] if self.old_secret and now < self.old_secret_until else []
        return [self.secret, *old] if self.secret else []


class Targets:
    """The targets in one Redis. Every method may raise redis.RedisError when the store cannot be reached."""

    def __init__(self, store: Client) -> None:
        self._store = store

    def add(
        self,
        account: str,
        url: str,
        *,
        event: str = EVENTS[0],
        format: str | None = None,
        image: str | None = None,
        headers: Mapping[str, str] | None = None,
        secret: str = "",
        mail: str = "",
        max_rate: float = 0.0,
        max_in_flight: int = 0,
    ) -> Target:
        """Makes a target. Without a format, one with an image is multipart, else json. Raises TargetError."""
        format = format or ("multipart" if image and image != "none" else "json")
        target = checked(
            Target(
                id=0,
                account=account,
                url=url.strip(),
                event=event,
                format=format,
                image=image or ("original" if format == "multipart" else "none"),
                headers=dict(headers or {}),
                secret=normal_secret(secret),
                mail=mail.strip(),
                max_rate=max_rate,
                max_in_flight=max_in_flight,
                created=datetime.now(UTC).isoformat(timespec="seconds"),
            )
        )
        target = replace(target, id=int(self._store.incr(NEXT_ID)))
        with self._store.pipeline() as pipeline:
            pipeline.hset(PREFIX + account, str(target.id), json.dumps(asdict(target)))
            pipeline.hset(ACCOUNTS, str(target.id), account)
            pipeline.execute()
        return target

    def list(self, account: str) -> Sequence[Target]:
        """The account's targets, oldest first."""
        found = self._store.hvals(PREFIX + account)
        return sorted((from_json(each) for each in found), key=lambda target: target.id)

    def list_all(self) -> Sequence[Target]:
        """The targets of all accounts, oldest first."""
        accounts = {each.decode() for each in self._store.hvals(ACCOUNTS)}
        return sorted((target for account in accounts for target in self.list(account)), key=lambda target: target.id)

    def get(self, target_id: int) -> Target | None:
        account = self._store.hget(ACCOUNTS, str(target_id))
        stored = self._store.hget(PREFIX + account.decode(), str(target_id)) if account else None
        return from_json(stored) if stored else None

    def change(self, target_id: int, how: Callable[[Target], Target]) -> Target | None:
        """Replaces a target by what `how` makes of it; None when there is none. Raises TargetError."""
        account = self._store.hget(ACCOUNTS, str(target_id))
        if not account:
            return None
        key = PREFIX + account.decode()
        changed: list[Target] = []

        def swap(pipeline: Any) -> None:
            changed.clear()
            stored = pipeline.hget(key, str(target_id))
            pipeline.multi()
            if stored:
                changed.append(checked(how(from_json(stored))))
                pipeline.hset(key, str(target_id), json.dumps(asdict(changed[0])))

        self._store.transaction(swap, key)
        return changed[0] if changed else None

    def rotate(self, target_id: int, overlap: float, secret: str = "") -> Target | None:
        """Gives a target a new secret, made here if not given; the old one signs beside it for `overlap` seconds."""
        fresh = normal_secret(secret) or new_secret()

        def turn(target: Target) -> Target:
            return replace(target, secret=fresh, old_secret=target.secret, old_secret_until=time.time() + overlap)

        return self.change(target_id, turn)

    def switch_off(self, target_id: int, reason: str) -> bool:
        """Sends nothing more to a target; False when there is none or it was off before."""
        was_on: list[bool] = []

        def turn(target: Target) -> Target:
            was_on[:] = [target.on]
            return replace(target, on=False, off_reason=target.off_reason or reason)

        return self.change(target_id, turn) is not None and was_on == [True]

    def remove(self, target_id: int) -> bool:
        """Forgets a target; its deliveries are platehost.deliveries' to forget."""
        account = self._store.hget(ACCOUNTS, str(target_id))
        if not account:
            return False
        with self._store.pipeline() as pipeline:
            pipeline.hdel(PREFIX + account.decode(), str(target_id))
            pipeline.hdel(ACCOUNTS, str(target_id))
            return bool(pipeline.execute()[0])


def from_json(stored: bytes | str) -> Target:
    """The inverse of what is stored; members that a newer version wrote are ignored."""
    fields = json.loads(stored)
    # Redis's own JSON library, used in scripts, cannot tell an empty object from an empty list.
    fields["headers"] = fields["headers"] or {}
    return Target(**{name: value for name, value in fields.items() if name in Target.__dataclass_fields__})


def new_secret() -> str:
    return SECRET_PREFIX + base64.b64encode(secrets.token_bytes(32)).decode()


def normal_secret(text: str) -> str:
    """A secret as Standard Webhooks writes it; empty stays empty. Raises TargetError."""
    text = text.strip()
    if not text:
        return ""
    try:
        raw = base64.b64decode(text.removeprefix(SECRET_PREFIX), validate=True)
    except (binascii.Error, ValueError):
        raw = b""
    if not 24 <= len(raw) <= 64:
        raise TargetError(
            "secret", f"A secret is {SECRET_PREFIX} and 24 to 64 random bytes in base64. Leave it to be made here."
        )
    return SECRET_PREFIX + base64.b64encode(raw).decode()


def checked(target: Target) -> Target:
    """The target itself. Raises TargetError for what cannot be sent to or as it says."""
    _check_url(target.url)
    for name, allowed in (("event", EVENTS), ("format", FORMATS), ("image", IMAGES)):
        if getattr(target, name) not in allowed:
            given = getattr(target, name)[:100]
            raise TargetError(name, f"{name} is {given!r}, but must be one of {', '.join(allowed)}.")
    if target.image != "none" and target.format != "multipart":
        raise TargetError("image", f"An image is sent in the format multipart only, not in {target.format}.")
    if len(target.headers) > MOST_HEADERS:
        raise TargetError("headers", f"A target has at most {MOST_HEADERS} headers of its own.")
    for header, text in target.headers.items():
        _check_header(header, text)
    if target.mail and not _MAIL.fullmatch(target.mail):
        raise TargetError("mail", "mail must be one e-mail address, such as owner@example.com.")
    if target.max_rate and not LEAST_RATE <= target.max_rate <= MOST_RATE:
        raise TargetError(
            "max_rate",
            f"max_rate is {target.max_rate:g}, but must be from {LEAST_RATE} to {MOST_RATE:g} requests per second, "
            "or 0 for the service's own limit.",
        )
    if target.max_in_flight and not 1 <= target.max_in_flight <= MOST_IN_FLIGHT:
        raise TargetError(
            "max_in_flight",
            f"max_in_flight is {target.max_in_flight}, but must be from 1 to {MOST_IN_FLIGHT} requests at the same "
            "time, or 0 for the service's own limit.",
        )
    return target


def _check_url(url: str) -> None:
    if len(url) > LONGEST_URL:
        raise TargetError("url", f"A target's URL has at most {LONGEST_URL} characters.")
    try:
        url.encode()
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise TargetError("url", "url cannot be read. Write it like https://example.com/hook.") from None
    if re.search(r"[\x00-\x20\x7f]", url) or parts.scheme not in {"http", "https"} or not parts.hostname or port == 0:
        raise TargetError("url", "url must be an http or https URL with a host, such as https://example.com/hook.")
    if "@" in parts.netloc:
        raise TargetError("url", "url must not hold a user name or password. Send them in a header of the target.")


def _check_header(name: str, text: str) -> None:
    if not _HEADER_NAME.fullmatch(name):
        raise TargetError("headers", f"{name[:100]!r} cannot be a header's name.")
    if name.lower() in _OWN_HEADERS:
        raise TargetError("headers", f"The header {name} is the delivery's own and cannot be set.")
    if not isinstance(text, str) or len(text) > LONGEST_HEADER or not _HEADER_VALUE.fullmatch(text):
        raise TargetError(
            "headers", f"The value of the header {name} must be printable text of at most {LONGEST_HEADER} characters."
        )
