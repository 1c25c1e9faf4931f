"""The records of users, with the hashes that ship."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor

import pytest
import redis
from argon2 import PasswordHasher, extract_parameters
from argon2.profiles import RFC_9106_LOW_MEMORY

from platehost import users
from platehost.users import LONGEST_PASSWORD, OWNER, SHORTEST_PASSWORD, USERS, UserError, Users
from tests.dashboard.support import PASSWORD


@pytest.fixture
def known(store: redis.Redis) -> Users:
    return Users(store)


def _hash_of(store: redis.Redis, name: str) -> str:
    return str(json.loads(store.hget(USERS, name))["hash"])


def test_a_password_is_kept_as_a_slow_hash(known: Users, store: redis.Redis, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(users, "_hasher", PasswordHasher())
    known.add("ada", PASSWORD)
    assert extract_parameters(_hash_of(store, "ada")) == RFC_9106_LOW_MEMORY
    assert known.check("ada", PASSWORD) is not None


def test_a_hash_of_an_older_kind_is_made_anew_at_sign_in(
    known: Users, store: redis.Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    known.add("ada", PASSWORD)
    before = _hash_of(store, "ada")
    monkeypatch.setattr(users, "_hasher", PasswordHasher(time_cost=2, memory_cost=16, parallelism=1))
    assert known.check("ada", PASSWORD) is not None
    after = _hash_of(store, "ada")
    assert after != before
    assert extract_parameters(after).memory_cost == 16
    assert known.check("ada", PASSWORD) is not None


def test_of_two_that_come_first_one_becomes_the_owner(known: Users) -> None:
    with ThreadPoolExecutor(8) as pool:
        made = list(pool.map(lambda number: known.add_first(f"user{number}", PASSWORD), range(8)))
    assert sum(each is not None for each in made) == 1
    (owner,) = known.list()
    assert owner.is_owner


@pytest.mark.parametrize("password", ["x" * (SHORTEST_PASSWORD - 1), "x" * (LONGEST_PASSWORD + 1), ""])
def test_a_password_has_limits(known: Users, password: str) -> None:
    with pytest.raises(UserError, match="10 to 200") as raised:
        known.add("ada", password)
    assert raised.value.field == "password"
    assert not known.exist()


@pytest.mark.parametrize("name", ["", "a b", "-ada", "ada/..", "x" * 81, "ä"])
def test_a_name_has_limits(known: Users, name: str) -> None:
    with pytest.raises(UserError) as raised:
        known.add(name, PASSWORD)
    assert raised.value.field == "name"


def test_the_longest_password_counts_to_its_end(known: Users) -> None:
    known.add("ada", "x" * LONGEST_PASSWORD)
    assert known.check("ada", "x" * LONGEST_PASSWORD) is not None
    assert known.check("ada", "x" * (LONGEST_PASSWORD - 1)) is None
    assert known.check("ada", "x" * (LONGEST_PASSWORD + 1)) is None


def test_an_account_keeps_an_owner(known: Users) -> None:
    known.add("ada", PASSWORD, role="owner")
    known.add("grace", PASSWORD)
    with pytest.raises(UserError, match="only owner"):
        known.remove("ada")
    with pytest.raises(UserError, match="only owner"):
        known.set_role("ada", "member")
    known.set_role("grace", "owner")
    assert known.remove("ada")
    assert [each.name for each in known.list()] == ["grace"]


def test_a_sign_in_never_undoes_a_change_of_the_password(known: Users, monkeypatch: pytest.MonkeyPatch) -> None:
    known.add("race", PASSWORD)
    matches = users._matches

    def changed_meanwhile(stored: str, password: str) -> bool:
        right = matches(stored, password)
        known.set_password("race", "another long password")
        return right

    with monkeypatch.context() as patch:
        patch.setattr(users, "_matches", changed_meanwhile)
        known.check("race", PASSWORD)
    assert known.check("race", PASSWORD) is None
    assert known.check("race", "another long password") is not None


def test_a_name_that_is_used_again_is_another_user(known: Users) -> None:
    first = known.add("again", PASSWORD)
    known.remove("again")
    assert known.add("again", PASSWORD).epoch != first.epoch


def test_the_users_of_a_removed_account_go_with_it(known: Users) -> None:
    known.add("north-owner", PASSWORD, account="north", role=OWNER)
    known.add("south-owner", PASSWORD, account="south", role=OWNER)
    known.remove_account("north")
    assert known.get("north-owner") is None
    assert known.get("south-owner") is not None
