"""`platehost account` and `platehost plan` on a store of their own."""

import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from subprocess import CompletedProcess

import pytest
import redis

from cli.data_folder import DataFolder
from cli.main import main
from cli.private_redis import PrivateRedis
from platehost.targets import Targets
from platehost.usage import Usage
from tests.cli.support import one_sentence

Command = Callable[..., "CompletedProcess[str]"]


@pytest.fixture
def server(tmp_path: Path) -> Iterator[PrivateRedis]:
    folder = DataFolder(tmp_path / "data")
    folder.make()
    with folder.locked("test") as lock:
        server = PrivateRedis(folder)
        with server.running(lock):
            yield server


@pytest.fixture
def store(server: PrivateRedis) -> Iterator[redis.Redis]:
    with redis.Redis.from_url(server.url) as client:
        yield client


@pytest.fixture
def command(server: PrivateRedis, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Command:
    """Runs the command line in this process: starting one for each of so many calls would take minutes."""
    monkeypatch.setenv("REDIS_URL", server.url)

    def run(*arguments: str) -> "CompletedProcess[str]":
        capsys.readouterr()
        status = main(arguments)
        told = capsys.readouterr()
        return CompletedProcess(arguments, status, told.out, told.err)

    return run


def test_an_account_from_its_plan_to_its_end(command: Command, store: redis.Redis) -> None:
    assert command("plan", "add", "small", "--rate", "8", "--calls", "2500", "--mmc", "no").returncode == 0
    done = command("account", "add", "north", "--name", "The north gate", "--mail", "n@example.org", "--plan", "small")
    assert done.returncode == 0, done.stderr
    assert "key create NAME --account north" in done.stdout
    secret = command("key", "create", "gate", "--account", "north").stdout.strip()
    Usage(store).count("north", "job", datetime.now(UTC))

    (listed,) = json.loads(command("account", "list", "--json").stdout)
    assert (listed["id"], listed["name"], listed["mail"]) == ("north", "The north gate", "n@example.org")
    assert (listed["quota"]["used"], listed["quota"]["left"]) == (1, 2499)
    table = command("account", "list").stdout
    assert "The north gate" in table
    assert "2499" in table

    shown = json.loads(command("account", "show", "north", "--json").stdout)
    assert shown["plan"] == {**shown["plan"], "name": "small", "rate": "8 per second", "calls": 2500, "mmc": False}
    assert shown["months"][f"{datetime.now(UTC):%Y-%m}"] == 1
    assert [key["name"] for key in shown["keys"]] == ["gate"]
    told = command("account", "show", "north").stdout
    assert "gate" in told
    assert "small" in told
    assert secret not in told

    assert command("account", "set", "north", "--plan", "unlimited", "--mail", "").returncode == 0
    assert "no limit" in command("account", "list").stdout
    Targets(store).add("north", "https://example.org/hook")
    assert "1 key in use" in one_sentence(command("account", "remove", "north"))
    assert command("account", "remove", "north", "--with-keys").returncode == 0
    assert json.loads(command("account", "list", "--json").stdout) == []
    assert json.loads(command("key", "list", "--json").stdout) == []
    assert list(Targets(store).list("north")) == []


def test_a_plan_from_its_making_to_its_end(command: Command) -> None:
    assert command("plan", "add", "pro").returncode == 0
    assert command("plan", "set", "pro", "--rate", "600 per minute", "--calls", "50000").returncode == 0
    assert command("account", "set", "main", "--plan", "pro").returncode == 0
    unlimited, pro = json.loads(command("plan", "list", "--json").stdout)
    assert (unlimited["name"], unlimited["rate"], unlimited["calls"], unlimited["mmc"]) == (
        "unlimited",
        None,
        None,
        True,
    )
    assert (pro["rate"], pro["calls"], pro["mmc"], pro["accounts"]) == ("600 per minute", 50_000, True, 1)
    assert "600 per minute" in command("plan", "list").stdout
    assert command("plan", "set", "pro", "--rate", "none", "--calls", "none").returncode == 0
    assert "1 account has the plan pro" in one_sentence(command("plan", "remove", "pro"))
    assert command("account", "set", "main", "--plan", "unlimited").returncode == 0
    assert command("plan", "remove", "pro").returncode == 0
    assert len(json.loads(command("plan", "list", "--json").stdout)) == 1


def test_mistakes_are_one_sentence(command: Command) -> None:
    for arguments, words in (
        (("account", "add", "North!"), "a-z"),
        (("account", "add", "north", "--plan", "nosuch"), "platehost plan list"),
        (("account", "add", "north", "--mail", "nobody"), "e-mail"),
        (("account", "show", "north"), "platehost account add north"),
        (("account", "set", "north", "--name", "x"), "There is no account north"),
        (("account", "set", "main"), "--plan"),
        (("account", "remove", "north"), "There is no account north"),
        (("account", "remove", "main"), "always there"),
        (("key", "create", "gate", "--account", "north"), "platehost account add north"),
        (("plan", "add", "x", "--rate", "often"), "8 per second"),
        (("plan", "add", "x", "--calls", "many"), "whole number"),
        (("plan", "set", "x", "--calls", "1"), "There is no plan x"),
        (("plan", "set", "x"), "--rate"),
        (("plan", "set", "unlimited", "--calls", "1"), "always there"),
        (("plan", "remove", "x"), "There is no plan x"),
    ):
        assert words in one_sentence(command(*arguments)), arguments
