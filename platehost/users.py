"""People who may sign in to the dashboard: a name, a password's Argon2 hash, an account and a role in it.

In Redis: the hash `platehost:users`, one JSON record per name.
"""

from __future__ import annotations

import json
import re
import secrets
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from typing import Any

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from platehost.accounts import DEFAULT_ACCOUNT
from platehost.store import Client

USERS = "platehost:users"
OWNER = "owner"
MEMBER = "member"
ROLES = (OWNER, MEMBER)
SHORTEST_PASSWORD = 10
LONGEST_PASSWORD = 200

_NAME = re.compile(r"[a-z0-9][a-z0-9._@+-]{0,79}")
_ACCOUNT = re.compile(r"[a-z0-9][a-z0-9_-]{0,39}")

_hasher = PasswordHasher()
# One hash takes 64 MiB: a crowd at the door must not take all memory.
_hashing = threading.Semaphore(2)

# KEYS: the users. ARGV: name, record. Of two that come first, one does.
_ADD_FIRST = """
if redis.call('HLEN', KEYS[1]) > 0 then return 0 end
return redis.call('HSET', KEYS[1], ARGV[1], ARGV[2])
"""


class UserError(ValueError):
    """A user that cannot be. `field` names what is at fault; the message says the limit and the remedy."""

    def __init__(self, field: str, message: str) -> None:
        super().__init__(message)
        self.field = field


@dataclass(frozen=True)
class User:
    """One person. `epoch` changes with the password: sessions of another epoch have ended."""

    name: str
    account: str
    role: str
    created: datetime
    epoch: int
    last_sign_in: datetime | None = None

    @property
    def is_owner(self) -> bool:
        return self.role == OWNER


class Users:
    """The users in one Redis. Every method may raise redis.RedisError when the store cannot be reached."""

    def __init__(self, store: Client) -> None:
        self._store = store
        self._add_first = store.register_script(_ADD_FIRST)

    def exist(self) -> bool:
        """Whether there is any user yet."""
        return bool(self._store.exists(USERS))

    def add(self, name: str, password: str, *, account: str = DEFAULT_ACCOUNT, role: str = MEMBER) -> User:
        """Makes a user. Raises UserError for a name that is taken, and for what cannot be used."""
        name, record = _new(name, password, account, role)
        if not self._store.hsetnx(USERS, name, json.dumps(record)):
            raise UserError("name", f"There is a user {name} already. Choose another name.")
        return _user(name, record)

    def add_first(self, name: str, password: str) -> User | None:
        """Makes the owner of the main account, if there is no user at all; None when there is. Raises UserError."""
        name, record = _new(name, password, DEFAULT_ACCOUNT, OWNER)
        return _user(name, record) if self._add_first(keys=[USERS], args=[name, json.dumps(record)]) else None

    def get(self, name: str) -> User | None:
        stored = self._store.hget(USERS, normal_name(name))
        return _user(normal_name(name), json.loads(stored)) if stored else None

    def list(self, account: str | None = None) -> Sequence[User]:
        """The users of one account, or of all, by name."""
        found = [_user(name.decode(), json.loads(stored)) for name, stored in self._store.hgetall(USERS).items()]
        return sorted((each for each in found if account in (None, each.account)), key=lambda user: user.name)

    def check(self, name: str, password: str) -> User | None:
        """The user with this name and password. Takes as long when there is no such user."""
        name = normal_name(name)
        stored = self._store.hget(USERS, name)
        record = json.loads(stored) if stored else None
        if not _matches(record["hash"] if record else _nobodys_hash(), password[: LONGEST_PASSWORD + 1]):
            return None
        if record is None:
            return None
        verified = record["hash"]
        better = _hash(password) if _hasher.check_needs_rehash(verified) else verified
        moment = datetime.now(UTC).isoformat()

        def signed_in(known: dict[str, Any]) -> dict[str, Any]:
            # The password may have been changed since it was looked at; a change is never undone.
            current = better if known["hash"] == verified else known["hash"]
            return {**known, "hash": current, "last_sign_in": moment}

        self._change(name, signed_in)
        return _user(name, {**record, "last_sign_in": moment})

    def set_password(self, name: str, password: str) -> User | None:
        """Gives a user a new password and ends all sessions with the old one; None when there is no such user."""
        _check_password(password)
        hashed = _hash(password)
        return self._change(normal_name(name), lambda known: {**known, "hash": hashed, "epoch": known["epoch"] + 1})

    def set_role(self, name: str, role: str) -> User | None:
        """Raises UserError for a role that is none, and when the account would have no owner."""
        if role not in ROLES:
            raise UserError("role", f"A role is one of {', '.join(ROLES)}.")
        return self._change(normal_name(name), lambda known: {**known, "role": role})

    def remove(self, name: str) -> bool:
        """Ends a user; False when there was none. Raises UserError when the account would have no owner."""
        return self._change(normal_name(name), lambda known: None) is not None

    def remove_account(self, account: str) -> None:
        """Ends all users of an account that is removed, its owners too."""
        if names := [user.name for user in self.list(account)]:
            self._store.hdel(USERS, *names)

    def _change(self, name: str, how: Callable[[dict[str, Any]], dict[str, Any] | None]) -> User | None:
        """Replaces a record by what `how` makes of it, None removes it. Gives the user, the old one when removed."""
        changed: list[User] = []

        def swap(pipeline: Any) -> None:
            changed.clear()
            records = {each.decode(): json.loads(stored) for each, stored in pipeline.hgetall(USERS).items()}
            pipeline.multi()
            if name not in records:
                return
            after = how(records[name])
            _keep_an_owner(records, name, after)
            changed.append(_user(name, after or records[name]))
            if after is None:
                pipeline.hdel(USERS, name)
            else:
                pipeline.hset(USERS, name, json.dumps(after))

        self._store.transaction(swap, USERS)
        return changed[0] if changed else None


def normal_name(name: str) -> str:
    """Names are the same in any case and with blanks around."""
    return name.strip().lower()


def _keep_an_owner(records: dict[str, Any], name: str, after: dict[str, Any] | None) -> None:
    before = records[name]
    if before["role"] != OWNER or (after and after["role"] == OWNER):
        return
    others = (each for known, each in records.items() if known != name and each["account"] == before["account"])
    if not any(each["role"] == OWNER for each in others):
        message = f"{name} is the only owner of the account {before['account']}. Make another user its owner first."
        raise UserError("role", message)


def _new(name: str, password: str, account: str, role: str) -> tuple[str, dict[str, Any]]:
    name = normal_name(name)
    if not _NAME.fullmatch(name):
        raise UserError(
            "name", "A user's name has 1 to 80 characters of a-z, 0-9 and . _ @ + -, such as ada@example.com."
        )
    if not _ACCOUNT.fullmatch(account):
        raise UserError("account", "An account's name has 1 to 40 characters of a-z, 0-9, dash and underscore.")
    if role not in ROLES:
        raise UserError("role", f"A role is one of {', '.join(ROLES)}.")
    _check_password(password)
    created = datetime.now(UTC).isoformat()
    # At random: a session of somebody who had this name before is no session of this user.
    epoch = secrets.randbits(48)
    return name, {"account": account, "role": role, "hash": _hash(password), "created": created, "epoch": epoch}


def _check_password(password: str) -> None:
    if not SHORTEST_PASSWORD <= len(password) <= LONGEST_PASSWORD:
        raise UserError(
            "password",
            f"A password has {SHORTEST_PASSWORD} to {LONGEST_PASSWORD} characters. Some words are easy to keep.",
        )


def _hash(password: str) -> str:
    with _hashing:
        return _hasher.hash(password.encode("utf-8", "surrogatepass"))


def _matches(hashed: str, password: str) -> bool:
    try:
        with _hashing:
            return _hasher.verify(hashed, password.encode("utf-8", "surrogatepass"))
    except (VerificationError, InvalidHashError):
        return False


@cache
def _nobodys_hash() -> str:
    """What the password of an unknown user is compared with, so that the time tells nothing."""
    return _hash("nobody's password")


def _user(name: str, record: dict[str, Any]) -> User:
    last = record.get("last_sign_in")
    return User(
        name=name,
        account=record["account"],
        role=record["role"],
        created=datetime.fromisoformat(record["created"]),
        epoch=record["epoch"],
        last_sign_in=datetime.fromisoformat(last) if last else None,
    )
