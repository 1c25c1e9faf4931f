"""Both stores of waiting pictures keep the same promises."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest
import redis
import requests

from platehost.accounts import create_key
from platehost.blobs import Blobs, DirectoryBlobs, RedisBlobs, open_blobs
from platehost.settings import SettingError, Settings
from tests.service.support import SAMPLE_PLATE, Processes


@pytest.fixture(params=["redis", "folder"])
def blobs(request: pytest.FixtureRequest, store: redis.Redis, tmp_path: Path) -> Blobs:
    url = f"file://{tmp_path}/some%20pictures" if request.param == "folder" else ""
    opened = open_blobs(Settings(blob_url=url), store, pytest.fail)
    assert type(opened) is (RedisBlobs if request.param == "redis" else DirectoryBlobs)
    return opened


def test_what_was_put_is_had_until_it_is_dropped(blobs: Blobs) -> None:
    content = bytes(range(256)) * 1000
    blobs.put("job:0", content, 60)
    assert blobs.get("job:0") == content
    assert blobs.get("job:1") is None
    blobs.put("job:0", b"new", 60)
    assert blobs.get("job:0") == b"new"
    blobs.drop("job:0")
    blobs.drop("job:0")
    assert blobs.get("job:0") is None


def test_a_blob_ends_with_its_time(blobs: Blobs) -> None:
    blobs.put("job:0", b"picture", 1)
    time.sleep(1.1)
    assert blobs.get("job:0") is None


def test_a_folder_is_swept(tmp_path: Path) -> None:
    blobs = DirectoryBlobs(tmp_path)
    blobs.put("old:0", b"picture", 60)
    os.utime(tmp_path / "old:0", (0, 0))
    blobs.sweep_every = 0
    blobs.put("new:0", b"picture", 60)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["new:0"]


@pytest.mark.parametrize("name", ["../a", "a/b", "", "a:b", "/etc/passwd"])
def test_a_folder_takes_only_names_of_blobs(tmp_path: Path, name: str) -> None:
    with pytest.raises(ValueError, match="not a blob's name"):
        DirectoryBlobs(tmp_path).put(name, b"", 60)


def test_other_urls_are_refused(store: redis.Redis) -> None:
    for url in ("s3://bucket", "file:", "pictures"):
        with pytest.raises(SettingError, match="PLATEHOST_BLOB_URL"):
            open_blobs(Settings(blob_url=url), store, pytest.fail)


def test_another_redis_is_connected_to(store: redis.Redis) -> None:
    opened: list[str] = []

    def connect(url: str) -> redis.Redis:
        opened.append(url)
        return store

    open_blobs(Settings(blob_url="redis://pictures:6379/0"), store, connect).put("job:0", b"picture", 60)
    assert opened == ["redis://pictures:6379/0"]
    assert store.get("blob:job:0") == b"picture"


def test_the_whole_service_with_pictures_in_a_folder(own: Processes, photo: bytes, tmp_path: Path) -> None:
    own.settings["PLATEHOST_BLOB_URL"] = f"file://{tmp_path}/pictures"
    own.start_all()
    headers = {"Authorization": f"Token {create_key(own.server.client(), 'folder')}"}
    answer = requests.post(f"{own.url}/v1/plate-reader/", headers=headers, files={"upload": photo}, timeout=30)
    assert answer.json()["results"][0]["plate"] == SAMPLE_PLATE
    assert own.stop("worker") == 0
    assert list((tmp_path / "pictures").iterdir()) == []
