"""Keys: shown once, stored as a hash, revocable."""

from __future__ import annotations

import re

import pytest
import redis

from platehost.accounts import AccountError, Accounts, create_key


def test_a_key_is_found_by_its_secret(store: redis.Redis) -> None:
    accounts = Accounts(store)
    secret = accounts.create_key(" gate ", account="north")
    assert re.fullmatch("[0-9a-f]{40}", secret)
    key = accounts.find_key(secret)
    assert key
    assert (key.name, key.account, key.revoked) == ("gate", "north", None)
    assert accounts.find_key(secret[:-1]) is None
    assert accounts.find_key("é\udcff") is None


def test_the_store_never_holds_the_secret(store: redis.Redis) -> None:
    secret = create_key(store, "gate")
    for name in store.keys("*"):
        kept = store.dump(name)
        assert secret.encode() not in name + kept
        assert bytes.fromhex(secret) not in kept


def test_a_revoked_key_is_found_no_more(store: redis.Redis) -> None:
    accounts = Accounts(store)
    first, second = accounts.create_key("first"), accounts.create_key("second")
    listed = accounts.list_keys()
    assert [key.name for key in listed] == ["first", "second"]
    assert accounts.revoke_key(listed[0].id)
    assert not accounts.revoke_key(listed[0].id)
    assert not accounts.revoke_key("ffffffffffff")
    assert not accounts.revoke_key("")
    assert accounts.find_key(first) is None
    assert accounts.find_key(second) is not None
    assert accounts.list_keys()[0].revoked is not None


@pytest.mark.parametrize(
    ("name", "account"), [("", "main"), ("x" * 81, "main"), ("a\nb", "main"), ("gate", "A B"), ("gate", "")]
)
def test_names_are_checked(store: redis.Redis, name: str, account: str) -> None:
    with pytest.raises(AccountError):
        Accounts(store).create_key(name, account)
