"""Accounts and their API keys.

    accounts = Accounts(store)
    accounts.add(id, name=, mail=, plan=) -> Account          accounts.get(id) -> Account | None
    accounts.change(id, name=, mail=, plan=) -> Account       accounts.list() -> [Account]
    accounts.remove(id, with_keys=False)                      accounts.plan(id) -> Plan
    accounts.create_key(name, account, expires_at=, known=) -> the secret, once
    accounts.list_keys(account=None) -> [Key], with last_used, expires_at, revoked, state(now)
    accounts.revoke_key(key_id, account=None) -> bool
    accounts.find_access(secret) -> Access(key, account, plan) | None

    usage = platehost.usage.Usage(store)
    usage.quota(account, plan.calls, now) -> Quota(used, calls, left, resets_on)
    usage.days(account, now, 60) -> [(date, calls)]           usage.months(account, now, 12) -> [("2026-11", calls)]

    plans = platehost.plans.Plans(store)
    plans.add(name, rate=, calls=, mmc=), get(name), list(), change(name, ...), remove(name)

In Redis: `platehost:account:<id>` holds an account, `platehost:accounts` the ids of all by age. An account that has
only keys, made before accounts were kept, gets its record by itself, and so has the account `main`.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any

from platehost import keys
from platehost.keys import Key, digest_of, key_of
from platehost.plans import ACCOUNT_INDEX, ACCOUNT_PREFIX, NAME, PLAN_PREFIX, UNLIMITED, Plan, Plans, plan_of
from platehost.store import Client

DEFAULT_ACCOUNT = "main"
_LABEL = re.compile(r"[^\x00-\x1f\x7f]{1,80}")
_MAIL = re.compile(r"[^\s@,;<>\x00-\x1f\x7f]{1,64}@[^\s@,;<>\x00-\x1f\x7f]{1,190}")

# KEYS: the account, the accounts, the plan. ARGV: the id, seconds, whether the plan needs no record, and whether the
# account has to be new, fields and values. -1 when the plan is missing; 0 when the account is there, or is not.
_WRITE = """
if ARGV[3] == '0' and redis.call('EXISTS', KEYS[3]) == 0 then return -1 end
if redis.call('EXISTS', KEYS[1]) == tonumber(ARGV[4]) then return 0 end
if ARGV[4] == '1' then redis.call('ZADD', KEYS[2], ARGV[2], ARGV[1]) end
redis.call('HSET', KEYS[1], unpack(ARGV, 5))
return 1
"""


class AccountError(ValueError):
    """A name, account or key that cannot be used; the message says why and what is allowed."""


@dataclass(frozen=True)
class Account:
    """Who keys, targets and calls belong to: `id` never changes, `name` is for people's eyes."""

    id: str
    name: str
    mail: str = ""
    plan: str = UNLIMITED
    created: datetime | None = None

    def described(self) -> dict[str, Any]:
        """For a JSON answer."""
        return {**asdict(self), "created": self.created.isoformat() if self.created else None}


@dataclass(frozen=True)
class Access:
    """A key that may be used now, whose it is, and what that account may do."""

    key: Key
    account: Account
    plan: Plan


class Accounts:
    """The accounts and keys in one Redis. Every method may raise redis.RedisError when the store cannot be reached."""

    def __init__(self, store: Client) -> None:
        self._store = store
        self._write = store.register_script(_WRITE)
        self._index = store.register_script(keys.INDEX)
        self._create = store.register_script(keys.CREATE)
        self._remove = store.register_script(keys.REMOVE_ACCOUNT)
        self._find = store.register_script(keys.FIND)

    def add(self, account_id: str, *, name: str = "", mail: str = "", plan: str = UNLIMITED) -> Account:
        """Makes an account. Raises AccountError for an id that is taken, a plan that is not there, or bad fields."""
        _check_id(account_id)
        self._bring_up_to_date()
        account = Account(account_id, name.strip() or account_id, mail.strip(), plan, datetime.now(UTC))
        if not self._store_account(account, new=True):
            raise AccountError(f"There is an account {account_id} already; take another id, or change that one.")
        return account

    def get(self, account_id: str) -> Account | None:
        """The account with this id, None when there is none."""
        self._bring_up_to_date()
        fields = self._store.hgetall(ACCOUNT_PREFIX + account_id)
        return _account(account_id, fields) if fields or account_id == DEFAULT_ACCOUNT else None

    def list(self) -> Sequence[Account]:
        """All accounts, oldest first."""
        self._bring_up_to_date()
        ids = [each.decode() for each in self._store.zrange(ACCOUNT_INDEX, 0, -1)]
        with self._store.pipeline(transaction=False) as pipeline:
            for account_id in ids:
                pipeline.hgetall(ACCOUNT_PREFIX + account_id)
            records = pipeline.execute()
        return [_account(account_id, fields) for account_id, fields in zip(ids, records, strict=True) if fields]

    def change(
        self, account_id: str, *, name: str | None = None, mail: str | None = None, plan: str | None = None
    ) -> Account:
        """Changes what is given, for the account's next request. Raises AccountError."""
        account = self.get(account_id)
        if account is None:
            raise AccountError(unknown_account(account_id))
        account = Account(
            account_id,
            account.name if name is None else name.strip() or account_id,
            account.mail if mail is None else mail.strip(),
            account.plan if plan is None else plan,
            account.created or datetime.now(UTC),
        )
        if not self._store_account(account, new=False) and not (
            account_id == DEFAULT_ACCOUNT and self._store_account(account, new=True)
        ):
            raise AccountError(unknown_account(account_id))
        return account

    def remove(self, account_id: str, *, with_keys: bool = False) -> None:
        """Removes an account and its keys; raises AccountError while keys are in use, unless they are to go with it.

        Its counted calls stay: an account of the same id goes on with them.
        """
        if account_id == DEFAULT_ACCOUNT:
            raise AccountError(f"The account {DEFAULT_ACCOUNT} is always there and cannot be removed.")
        used = int(
            self._remove(
                keys=[*_indexes(), ACCOUNT_PREFIX + account_id, keys.ACCOUNT_KEYS_PREFIX + account_id],
                args=[account_id, datetime.now(UTC).timestamp(), int(with_keys)],
            )
        )
        if used < 0:
            raise AccountError(unknown_account(account_id))
        if used:
            having = "1 key" if used == 1 else f"{used} keys"
            raise AccountError(f"The account {account_id} has {having} in use; revoke them first.")

    def plan(self, account_id: str) -> Plan:
        """What the account may do: all that is to be had when there is no record of it."""
        stored = self._store.hget(ACCOUNT_PREFIX + account_id, "plan")
        return (Plans(self._store).get(stored.decode()) if stored else None) or Plan(UNLIMITED)

    def create_key(
        self,
        name: str,
        account: str = DEFAULT_ACCOUNT,
        *,
        expires_at: datetime | None = None,
        known: bool = False,
    ) -> str:
        """Makes a key and returns its secret, 40 hex digits, which is not kept.

        `expires_at` is aware. The account is made when it is not there, unless `known` is set. Raises AccountError.
        """
        if not _LABEL.fullmatch(name.strip()):
            raise AccountError("A key's name has 1 to 80 printable characters.")
        _check_id(account)
        created = datetime.now(UTC)
        if expires_at and expires_at <= created:
            raise AccountError("A key cannot expire in the past: give a later time, or none.")
        secret = secrets.token_hex(20)
        digest = digest_of(secret)
        fields = ["name", name.strip()] + (["expires", str(int(expires_at.timestamp()))] if expires_at else [])
        made = self._create(
            keys=[
                *_indexes(),
                keys.KEY_PREFIX + digest,
                ACCOUNT_PREFIX + account,
                keys.ACCOUNT_KEYS_PREFIX + account,
            ],
            args=[
                digest,
                account,
                created.timestamp(),
                created.isoformat(),
                int(known and account != DEFAULT_ACCOUNT),
                *fields,
            ],
        )
        if not made:
            raise AccountError(unknown_account(account))
        return secret

    def find_key(self, secret: str) -> Key | None:
        """The key with this secret, None when there is none that may be used now."""
        access = self.find_access(secret)
        return access.key if access else None

    def find_access(self, secret: str) -> Access | None:
        """The key with this secret, its account and plan; None when there is none, it was revoked or has expired.

        Notes the use, at most once a minute.
        """
        now = datetime.now(UTC)
        digest = digest_of(secret)
        found = self._find(keys=[keys.KEY_PREFIX + digest], args=[int(now.timestamp()), keys.SECONDS_BETWEEN_USES])
        if not found:
            return None
        key_fields, account_fields, plan_fields = (_pairs(each) for each in found)
        key = key_of(digest, key_fields)
        if key.state(now) != "in use":
            return None
        account = _account(key.account, account_fields)
        return Access(key, account, plan_of(account.plan, plan_fields))

    def list_keys(self, account: str | None = None) -> Sequence[Key]:
        """All keys, or those of one account; revoked and expired ones too, oldest first."""
        digests = self._digests(account)
        with self._store.pipeline(transaction=False) as pipeline:
            for digest in digests:
                pipeline.hgetall(keys.KEY_PREFIX + digest)
            records = pipeline.execute()
        return [key_of(digest, fields) for digest, fields in zip(digests, records, strict=True) if fields]

    def revoke_key(self, key_id: str, account: str | None = None) -> bool:
        """Ends a key at once; False when no key (of the account, if one is given) has this id, or it was revoked."""
        for digest in self._digests(account):
            if digest.startswith(key_id) and len(key_id) >= 8:
                now = datetime.now(UTC).isoformat()
                return bool(self._store.hsetnx(keys.KEY_PREFIX + digest, "revoked", now))
        return False

    def _digests(self, account: str | None) -> Sequence[str]:
        self._bring_up_to_date()
        index = keys.KEY_INDEX if account is None else keys.ACCOUNT_KEYS_PREFIX + account
        return [each.decode() for each in self._store.zrange(index, 0, -1)]

    def _bring_up_to_date(self) -> None:
        self._index(keys=_indexes())

    def _store_account(self, account: Account, *, new: bool) -> bool:
        if not _LABEL.fullmatch(account.name):
            raise AccountError("An account's name has 1 to 80 printable characters.")
        if account.mail and not _MAIL.fullmatch(account.mail):
            raise AccountError(f"{account.mail!r} is not an e-mail address; write it like who@example.org.")
        created = account.created or datetime.now(UTC)
        fields = {
            "name": account.name,
            "mail": account.mail,
            "plan": "" if account.plan == UNLIMITED else account.plan,
            "created": created.isoformat(),
        }
        written = self._write(
            keys=[ACCOUNT_PREFIX + account.id, ACCOUNT_INDEX, PLAN_PREFIX + account.plan],
            args=[
                account.id,
                created.timestamp(),
                int(account.plan == UNLIMITED),
                int(new),
                *(part for field in fields.items() for part in field),
            ],
        )
        if written < 0:
            raise AccountError(f"There is no plan {account.plan}; `platehost plan list` shows the plans.")
        return bool(written)


def create_key(store: Client, name: str, account: str = DEFAULT_ACCOUNT) -> str:
    """See `Accounts.create_key`."""
    return Accounts(store).create_key(name, account)


def unknown_account(account_id: str) -> str:
    """The sentence for an account that is not there."""
    return f"There is no account {account_id}; make it with `platehost account add {account_id}`."


def _check_id(account_id: str) -> None:
    if not NAME.fullmatch(account_id):
        raise AccountError("An account's name has 1 to 40 characters of a-z, 0-9, dash and underscore.")


def _indexes() -> Sequence[str]:
    return [keys.KEY_INDEX, keys.INDEXED, ACCOUNT_INDEX]


def _account(account_id: str, fields: dict[bytes, bytes]) -> Account:
    text = {field.decode(): value.decode() for field, value in fields.items()}
    return Account(
        id=account_id,
        name=text.get("name") or account_id,
        mail=text.get("mail", ""),
        plan=text.get("plan") or UNLIMITED,
        created=datetime.fromisoformat(text["created"]) if "created" in text else None,
    )


def _pairs(flat: Sequence[bytes]) -> dict[bytes, bytes]:
    return dict(zip(flat[::2], flat[1::2], strict=True))
