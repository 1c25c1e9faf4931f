"""Accounts and their API keys.

A key is shown once, when it is made; only its SHA-256 hash is kept. 160 random bits need no slow hash: nobody can try
them all.
"""

from __future__ import annotations

import hashlib
import re
import secrets
from dataclasses import dataclass
from datetime import UTC, datetime

from platehost.store import Client

KEY_PREFIX = "platehost:key:"
KEY_INDEX = "platehost:keys"
DEFAULT_ACCOUNT = "main"
_NAME = re.compile(r"[^\x00-\x1f\x7f]{1,80}")
_ACCOUNT = re.compile(r"[a-z0-9][a-z0-9_-]{0,39}")


class AccountError(ValueError):
    """A name or account that cannot be used; the message says why and what is allowed."""


@dataclass(frozen=True)
class Key:
    """One API key, without its secret: `id` is the first part of the secret's hash."""

    id: str
    account: str
    name: str
    created: datetime
    revoked: datetime | None = None


class Accounts:
    """The keys in one Redis. Every method may raise redis.RedisError when the store cannot be reached."""

    def __init__(self, store: Client) -> None:
        self._store = store

    def create_key(self, name: str, account: str = DEFAULT_ACCOUNT) -> str:
        """Makes a key and returns its secret, 40 hex digits, which is not kept. Raises AccountError for a bad name."""
        if not _NAME.fullmatch(name.strip()):
            raise AccountError("A key's name has 1 to 80 printable characters.")
        if not _ACCOUNT.fullmatch(account):
            raise AccountError("An account's name has 1 to 40 characters of a-z, 0-9, dash and underscore.")
        secret = secrets.token_hex(20)
        digest = _digest(secret)
        created = datetime.now(UTC)
        fields = {"account": account, "name": name.strip(), "created": created.isoformat()}
        with self._store.pipeline() as pipeline:
            pipeline.hset(KEY_PREFIX + digest, mapping=fields)
            pipeline.zadd(KEY_INDEX, {digest: created.timestamp()})
            pipeline.execute()
        return secret

    def find_key(self, secret: str) -> Key | None:
        """The key with this secret, None when there is none or it was revoked."""
        digest = _digest(secret)
        fields = self._store.hgetall(KEY_PREFIX + digest)
        key = _key(digest, fields) if fields else None
        return key if key and not key.revoked else None

    def list_keys(self) -> list[Key]:
        """All keys, revoked ones too, oldest first."""
        digests = [each.decode() for each in self._store.zrange(KEY_INDEX, 0, -1)]
        with self._store.pipeline(transaction=False) as pipeline:
            for digest in digests:
                pipeline.hgetall(KEY_PREFIX + digest)
            records = pipeline.execute()
        return [_key(digest, fields) for digest, fields in zip(digests, records, strict=True) if fields]

    def revoke_key(self, key_id: str) -> bool:
        """Ends a key at once; False when no key has this id or it was revoked before."""
        for digest in (each.decode() for each in self._store.zrange(KEY_INDEX, 0, -1)):
            if digest.startswith(key_id) and len(key_id) >= 8:
                return bool(self._store.hsetnx(KEY_PREFIX + digest, "revoked", datetime.now(UTC).isoformat()))
        return False


def create_key(store: Client, name: str, account: str = DEFAULT_ACCOUNT) -> str:
    """See `Accounts.create_key`."""
    return Accounts(store).create_key(name, account)


def _digest(secret: str) -> str:
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()


def _key(digest: str, fields: dict[bytes, bytes]) -> Key:
    text = {name.decode(): value.decode() for name, value in fields.items()}
    return Key(
        id=digest[:12],
        account=text["account"],
        name=text["name"],
        created=datetime.fromisoformat(text["created"]),
        revoked=datetime.fromisoformat(text["revoked"]) if "revoked" in text else None,
    )
