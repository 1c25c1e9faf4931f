"""Both stores of waiting pictures keep the same promises."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest
import redis

from platehost.blobs import Blobs, DirectoryBlobs, RedisBlobs, open_blobs


@pytest.fixture(params=["redis", "folder"])
def blobs(request: pytest.FixtureRequest, store: redis.Redis, tmp_path: Path) -> Blobs:
    url = "redis://127.0.0.1:6379" if request.param == "redis" else f"file://{tmp_path}/some%20pictures"
    opened = open_blobs(url, store)
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
    with pytest.raises(ValueError, match="PLATEHOST_BLOB_URL"):
        open_blobs("s3://bucket", store)
