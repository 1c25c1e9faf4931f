import json
import subprocess
from pathlib import Path

import pytest
import redis

from cli.data_folder import DataFolder
from cli.private_redis import PrivateRedis
from platehost.audit import Audit
from platehost.users import Users
from tests.cli.support import COMMAND, one_sentence

PASSWORD = "correct horse battery"


@pytest.fixture
def user(environment: dict[str, str], tmp_path: Path):
    """Runs `platehost user` on a store of its own, with a password on standard input."""

    def run(*arguments: object, password: str = PASSWORD) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            [COMMAND, "user", *map(str, arguments), "--data", str(tmp_path / "data")],
            input=password + "\n",
            env=environment,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )

    return run


@pytest.fixture
def store(tmp_path: Path):
    """Opens the store that the command used."""
    folder = DataFolder(tmp_path / "data")
    with folder.locked("test") as lock:
        server = PrivateRedis(folder)
        with server.running(lock), redis.Redis.from_url(server.url) as client:
            yield client


def test_the_first_user_is_an_owner_and_may_sign_in(user, tmp_path: Path, request: pytest.FixtureRequest) -> None:
    made = user("add", "Ada")
    assert made.returncode == 0, made.stderr
    assert made.stdout == "ada may sign in, as owner of the account main.\n"
    assert "member" in user("add", "grace").stdout
    listed = {each["name"]: each for each in json.loads(user("list", "--json").stdout)}
    assert {name: each["role"] for name, each in listed.items()} == {"ada": "owner", "grace": "member"}

    store = request.getfixturevalue("store")
    assert Users(store).check("ada", PASSWORD) is not None
    assert Users(store).check("ada", "another password") is None
    assert PASSWORD.encode() not in store.hget("platehost:users", "ada")
    assert [line.what for line in Audit(store).latest()] == ["member added", "member added"]


def test_a_new_password_ends_the_old_one(user, request: pytest.FixtureRequest) -> None:
    user("add", "ada")
    assert user("password", "ada", password="a new password").returncode == 0
    store = request.getfixturevalue("store")
    assert Users(store).check("ada", "a new password") is not None
    assert Users(store).check("ada", PASSWORD) is None


def test_a_removed_user_is_gone(user) -> None:
    user("add", "ada")
    user("add", "grace")
    assert user("remove", "grace").returncode == 0
    assert "grace" not in user("list").stdout
    assert "no user grace" in one_sentence(user("remove", "grace"))


def test_the_last_owner_stays(user) -> None:
    user("add", "ada")
    user("add", "grace")
    assert "only owner" in one_sentence(user("remove", "ada"))


@pytest.mark.parametrize(
    ("arguments", "password", "words"),
    [
        (("add", "ada"), "short", "10 to 200 characters"),
        (("add", "a da"), PASSWORD, "name"),
        (("add", "ada", "--account", "nobody"), PASSWORD, "nobody"),
        (("password", "nobody"), PASSWORD, "no user nobody"),
    ],
)
def test_what_cannot_be_is_one_sentence(user, arguments: tuple[str, ...], password: str, words: str) -> None:
    assert words in one_sentence(user(*arguments, password=password))


def test_a_name_is_taken_once(user) -> None:
    user("add", "ada")
    assert "ada already" in one_sentence(user("add", "ADA"))
