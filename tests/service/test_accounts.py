"""Accounts and keys: keys are shown once, stored as a hash, revocable, may expire, and tell their last use."""

from __future__ import annotations

import re
import time
from datetime import UTC, datetime, timedelta

import pytest
import redis

from platehost import accounts as accounts_module
from platehost.accounts import AccountError, Accounts, create_key
from platehost.plans import PlanError, Plans


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
    assert Accounts(store).find_key(secret)
    for name in store.keys("*"):
        kept = store.dump(name)
        assert secret.encode() not in name + kept
        assert bytes.fromhex(secret) not in kept


def test_a_revoked_key_is_found_no_more(store: redis.Redis) -> None:
    accounts = Accounts(store)
    first, second = accounts.create_key("first"), accounts.create_key("second")
    listed = accounts.list_keys()
    assert [key.name for key in listed] == ["first", "second"]
    assert not accounts.revoke_key(listed[0].id, "another")
    assert accounts.revoke_key(listed[0].id, "main")
    assert not accounts.revoke_key(listed[0].id)
    assert not accounts.revoke_key("ffffffffffff")
    assert not accounts.revoke_key("")
    assert accounts.find_key(first) is None
    assert accounts.find_key(second) is not None
    assert accounts.list_keys()[0].revoked is not None
    assert [key.state(datetime.now(UTC)) for key in accounts.list_keys()] == ["revoked", "in use"]


def test_a_key_ends_when_it_expires(store: redis.Redis) -> None:
    accounts = Accounts(store)
    now = datetime.now(UTC)
    secret = accounts.create_key("guest", expires_at=now + timedelta(days=1))
    assert accounts.find_key(secret)
    (key,) = accounts.list_keys()
    assert key.expires_at == (now + timedelta(days=1)).replace(microsecond=0)
    store.hset(f"platehost:key:{accounts_module.digest_of(secret)}", "expires", int(time.time()))
    assert accounts.find_key(secret) is None
    assert accounts.list_keys()[0].state(datetime.now(UTC)) == "expired"
    with pytest.raises(AccountError, match="past"):
        accounts.create_key("late", expires_at=now)


def test_the_last_use_is_noted_once_a_minute(store: redis.Redis) -> None:
    accounts = Accounts(store)
    secret = accounts.create_key("gate")
    assert accounts.list_keys()[0].last_used is None
    accounts.find_key(secret)
    first = accounts.list_keys()[0].last_used
    assert first is not None
    assert abs(first.timestamp() - time.time()) < 60
    name = f"platehost:key:{accounts_module.digest_of(secret)}"
    for before, written in ((30, False), (61, True)):
        used = int(time.time()) - before
        store.hset(name, "used", used)
        accounts.find_key(secret)
        assert (int(store.hget(name, "used") or 0) != used) is written


def test_a_full_store_lets_keys_be_used(store: redis.Redis) -> None:
    accounts = Accounts(store)
    secret = accounts.create_key("gate")
    limit = store.config_get("maxmemory")["maxmemory"]
    store.config_set("maxmemory", 1)
    try:
        assert accounts.find_key(secret)
    finally:
        store.config_set("maxmemory", limit)
    assert accounts.list_keys()[0].last_used is None


@pytest.mark.parametrize(
    ("name", "account"), [("", "main"), ("x" * 81, "main"), ("a\nb", "main"), ("gate", "A B"), ("gate", "")]
)
def test_names_are_checked(store: redis.Redis, name: str, account: str) -> None:
    with pytest.raises(AccountError):
        Accounts(store).create_key(name, account)


def test_an_account_is_kept_changed_and_removed(store: redis.Redis) -> None:
    accounts = Accounts(store)
    Plans(store).add("pro", calls=100)
    made = accounts.add("north", name="The north gate", mail="north@example.org", plan="pro")
    assert accounts.get("north") == made
    assert accounts.list() == [made]
    assert accounts.plan("north").calls == 100
    assert accounts.change("north", mail="").mail == ""
    assert accounts.change("north", plan="unlimited").plan == "unlimited"
    assert accounts.plan("north").calls is None
    for wrong in (
        lambda: accounts.add("north"),
        lambda: accounts.add("North!"),
        lambda: accounts.add("south", plan="nosuch"),
        lambda: accounts.add("south", mail="nobody"),
        lambda: accounts.add("south", name="a\nb"),
        lambda: accounts.change("north", plan="nosuch"),
        lambda: accounts.change("south", name="x"),
        lambda: accounts.remove("south"),
        lambda: accounts.remove("main"),
    ):
        with pytest.raises(AccountError):
            wrong()
    accounts.remove("north")
    assert accounts.get("north") is None
    assert accounts.list() == []


def test_keys_go_with_their_account(store: redis.Redis) -> None:
    accounts = Accounts(store)
    with pytest.raises(AccountError, match="account add north"):
        accounts.create_key("gate", "north", known=True)
    accounts.add("north")
    gate, other = accounts.create_key("gate", "north", known=True), accounts.create_key("other")
    assert [key.name for key in accounts.list_keys("north")] == ["gate"]
    with pytest.raises(AccountError, match="1 key in use"):
        accounts.remove("north")
    assert accounts.find_key(gate)
    accounts.remove("north", with_keys=True)
    assert accounts.find_key(gate) is None
    assert accounts.find_key(other)
    assert [key.name for key in accounts.list_keys()] == ["other"]
    accounts.add("south")
    accounts.create_key("old", "south")
    accounts.revoke_key(accounts.list_keys("south")[0].id)
    accounts.remove("south")


def test_one_look_tells_key_account_and_plan(store: redis.Redis) -> None:
    accounts, plans = Accounts(store), Plans(store)
    secret = accounts.create_key("gate")
    access = accounts.find_access(secret)
    assert access
    assert (access.account.id, access.plan.name, access.plan.calls, access.plan.mmc) == (
        "main",
        "unlimited",
        None,
        True,
    )
    plans.add("small", rate="8", calls=2500, mmc=False)
    accounts.change("main", plan="small")
    access = accounts.find_access(secret)
    assert access
    assert (access.plan.name, access.plan.rate, access.plan.calls, access.plan.mmc) == (
        "small",
        "8 per second",
        2500,
        False,
    )


def test_what_the_version_before_wrote_goes_on(store: redis.Redis) -> None:
    """Its keys had neither accounts nor an index by account; it may write beside this version."""

    def write(secret: str, account: str) -> None:
        digest = accounts_module.digest_of(secret)
        created = datetime.now(UTC)
        store.hset(
            f"platehost:key:{digest}",
            mapping={"account": account, "name": secret, "created": created.isoformat()},
        )
        store.zadd("platehost:keys", {digest: created.timestamp()})

    accounts = Accounts(store)
    write("first", "main")
    write("second", "north")
    found = accounts.find_access("second")
    assert found
    assert (found.account.id, found.plan.name) == ("north", "unlimited")
    assert [each.id for each in accounts.list()] == ["main", "north"]
    assert [key.name for key in accounts.list_keys("north")] == ["second"]
    write("third", "north")
    write("fourth", "south")
    accounts.create_key("fifth", "north", known=True)
    assert [key.name for key in accounts.list_keys("north")] == ["second", "third", "fifth"]
    assert accounts.revoke_key(accounts.list_keys("south")[0].id, "south")
    with pytest.raises(AccountError, match="3 keys in use"):
        accounts.remove("north")
    assert [key.name for key in accounts.list_keys()] == ["first", "second", "third", "fourth", "fifth"]


def test_plans_are_made_changed_and_removed(store: redis.Redis) -> None:
    plans, accounts = Plans(store), Accounts(store)
    assert [plan.name for plan in plans.list()] == ["unlimited"]
    made = plans.add("pro", rate="1200/minute", calls=50_000)
    assert (made.rate, made.calls, made.mmc) == ("1200 per minute", 50_000, True)
    assert plans.get("pro") == made
    changed = plans.change("pro", rate=None, mmc=False)
    assert (changed.rate, changed.calls, changed.mmc) == (None, 50_000, False)
    assert plans.list()[1] == changed
    accounts.add("north", plan="pro")
    with pytest.raises(PlanError, match="1 account has the plan pro"):
        plans.remove("pro")
    accounts.change("north", plan="unlimited")
    plans.remove("pro")
    assert plans.get("pro") is None
    for wrong in (lambda: plans.remove("pro"), lambda: plans.change("pro", calls=1), lambda: plans.remove("unlimited")):
        with pytest.raises(PlanError):
            wrong()


@pytest.mark.parametrize(
    "fields",
    [
        {"name": "Pro plan"},
        {"name": "unlimited"},
        {"name": "taken"},
        {"name": "x", "rate": "fast"},
        {"name": "x", "rate": "0"},
        {"name": "x", "rate": "5 per year"},
        {"name": "x", "rate": "2000000 per second"},
        {"name": "x", "rate": "1 per second; 5 per minute"},
        {"name": "x", "calls": -1},
        {"name": "x", "calls": 2_000_000_000},
    ],
)
def test_a_plan_that_cannot_be_is_refused(store: redis.Redis, fields: dict[str, str]) -> None:
    Plans(store).add("taken")
    with pytest.raises(PlanError):
        Plans(store).add(**fields)
