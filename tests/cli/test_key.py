import json
import os
import stat
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import redis

from cli.data_folder import DataFolder
from cli.private_redis import PrivateRedis
from platehost.accounts import Accounts
from tests.cli.support import Platehost, one_sentence


def test_a_key_is_printed_once_and_works(platehost: Platehost, tmp_path: Path) -> None:
    made = platehost("key", "create", "garage", "--data", tmp_path / "data")
    assert made.returncode == 0, made.stderr
    secret = made.stdout.strip()
    assert len(secret) == 40

    listed = platehost("key", "list", "--data", tmp_path / "data")
    assert "garage" in listed.stdout
    assert secret not in listed.stdout

    folder = DataFolder(tmp_path / "data")
    with folder.locked("test") as lock:
        server = PrivateRedis(folder)
        with server.running(lock), redis.Redis.from_url(server.url) as store:
            found = Accounts(store).find_key(secret)
    assert found is not None
    assert found.name == "garage"


def test_a_revoked_key_ends(platehost: Platehost, tmp_path: Path) -> None:
    data = ("--data", tmp_path / "data")
    platehost("key", "create", "old phone", *data)
    key_id = platehost("key", "list", *data).stdout.splitlines()[1].split()[0]

    done = platehost("key", "revoke", key_id, *data)
    assert done.returncode == 0, done.stderr
    assert one_sentence(platehost("key", "revoke", key_id, *data)).startswith("platehost: No key in use has the id")


def test_a_key_may_expire_and_be_made_by_either_name(platehost: Platehost, tmp_path: Path) -> None:
    data = ("--data", tmp_path / "data")
    made = platehost("key", "add", "--name", "guest", "--expires", "30d", *data)
    assert made.returncode == 0, made.stderr
    assert platehost("key", "create", "visitor", "--expires", "2190-01-31", *data).returncode == 0
    assert platehost("key", "create", "friend", *data).returncode == 0
    keys = json.loads(platehost("key", "list", "--json", *data).stdout)
    assert [key["name"] for key in keys] == ["guest", "visitor", "friend"]
    month = datetime.now(UTC) + timedelta(days=30)
    assert abs(datetime.fromisoformat(keys[0]["expires_at"]) - month) < timedelta(hours=1)
    assert keys[1]["expires_at"] == "2190-01-31T00:00:00+00:00"
    assert [keys[2]["expires_at"], keys[2]["last_used"], keys[2]["state"]] == [None, None, "in use"]
    assert "2190-01-31 00:00" in platehost("key", "list", "--account", "main", *data).stdout
    assert "guest" not in platehost("key", "list", "--account", "north", *data).stdout
    for arguments, words in (
        (("late", "--expires", "2001-01-01"), "past"),
        (("late", "--expires", "soon"), "30d"),
        (("late", "--expires", "999999w"), "30d"),
        (("one", "--name", "two"), "one name"),
        ((), "one name"),
    ):
        assert words in one_sentence(platehost("key", "create", *arguments, *data))


def test_redis_url_wins_over_the_data_folder(platehost: Platehost, tmp_path: Path) -> None:
    folder = DataFolder(tmp_path / "other")
    with folder.locked("test") as lock:
        server = PrivateRedis(folder)
        with server.running(lock):
            env = {"REDIS_URL": server.url}
            assert platehost("key", "create", "shared", "--data", tmp_path / "data", env=env).returncode == 0
            assert "shared" in platehost("key", "list", env=env).stdout
    assert not (tmp_path / "data").exists()


def test_a_name_that_is_not_utf_8_is_refused(platehost: Platehost, tmp_path: Path) -> None:
    done = platehost("key", "create", os.fsdecode(b"\xff"), "--data", tmp_path / "data")
    assert "UTF-8" in one_sentence(done)


def test_the_data_folder_may_come_from_the_environment(platehost: Platehost, tmp_path: Path) -> None:
    env = {"PLATEHOST_DATA": str(tmp_path / "data")}
    assert platehost("key", "create", "garage", env=env).returncode == 0
    assert "garage" in platehost("key", "list", "--data", tmp_path / "data").stdout


def test_only_the_owner_may_look_into_the_data_folder(platehost: Platehost, tmp_path: Path) -> None:
    previous = os.umask(0)
    try:
        platehost("key", "create", "garage", "--data", tmp_path / "data")
    finally:
        os.umask(previous)
    assert stat.S_IMODE((tmp_path / "data").stat().st_mode) == 0o700
    assert stat.S_IMODE((tmp_path / "data" / "redis.conf").stat().st_mode) == 0o600


def test_a_folder_that_nobody_named_is_not_made(platehost: Platehost) -> None:
    assert "--data DIR" in one_sentence(platehost("key", "create", "garage"))
    assert "There is no store" in one_sentence(platehost("key", "list"))


def test_a_store_that_does_not_answer_is_one_sentence(platehost: Platehost, free_port: int) -> None:
    env = {"REDIS_URL": f"redis://:secret-word@127.0.0.1:{free_port}/0"}
    sentence = one_sentence(platehost("key", "list", env=env))
    assert "does not answer" in sentence
    assert "secret-word" not in sentence


@pytest.mark.parametrize(
    "address",
    [
        "redis://:Geheim/Wort@127.0.0.1:{port}/0",
        "redis://:4711/Wort@127.0.0.1:{port}/0",
        "redis://:4711#Wort@127.0.0.1:{port}/0",
        "redis://:4711?Wort@127.0.0.1:{port}/0",
        "redis://:[4711Wort@127.0.0.1:{port}/0",
        "redis://127.0.0.1:{port}/0?socket_timeout=4711Geheim",
    ],
)
@pytest.mark.parametrize("command", [("key", "list"), ("webhook", "list"), ("serve",)], ids=" ".join)
def test_a_redis_url_that_cannot_be_read_is_told_without_its_password(
    platehost: Platehost, free_port: int, command: tuple[str, ...], address: str
) -> None:
    sentence = one_sentence(platehost(*command, env={"REDIS_URL": address.format(port=free_port)}))
    assert "REDIS_URL" in sentence
    for part in ("Geheim", "Wort", "4711"):
        assert part not in sentence
    assert "%2F" in sentence


def test_a_password_with_escaped_signs_is_taken(platehost: Platehost, free_port: int) -> None:
    for address in (f"redis://:a%2Fb%40c@127.0.0.1:{free_port}/0", f"redis://:a@b@127.0.0.1:{free_port}/0"):
        assert "does not answer" in one_sentence(platehost("key", "list", env={"REDIS_URL": address}))


def test_a_redis_url_of_another_kind_is_one_sentence(platehost: Platehost) -> None:
    assert "REDIS_URL" in one_sentence(platehost("key", "list", env={"REDIS_URL": "http://127.0.0.1/"}))


def test_a_name_without_letters_is_one_sentence(platehost: Platehost, tmp_path: Path) -> None:
    assert "name" in one_sentence(platehost("key", "create", "", "--data", tmp_path / "data"))


def test_a_data_folder_that_cannot_be_made_is_one_sentence(platehost: Platehost, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    assert str(tmp_path / "file") in one_sentence(platehost("key", "list", "--data", tmp_path / "file"))


def test_a_missing_redis_server_is_one_sentence(platehost: Platehost, tmp_path: Path) -> None:
    empty = tmp_path / "bin"
    empty.mkdir()
    done = platehost("key", "list", "--data", tmp_path / "data", env={"PATH": str(empty)})
    assert "apt-get install redis-server" in one_sentence(done)
