"""Where uploaded pictures wait for a worker: in a Redis (by default the queue's own) or in a folder.

Besides putting and getting there is `drop`: a picture that was read must not wait for its lifetime to end, or an hour
of pictures would fill the store.
"""

from __future__ import annotations

import contextlib
import os
import re
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Protocol
from urllib.parse import unquote, urlsplit

from platehost.settings import SettingError, Settings
from platehost.store import Client

_NAME = re.compile(r"[A-Za-z0-9_-]+(:\d+)?")


class Blobs(Protocol):
    """A store of bytes by name. Names are `<job id>:<index>`."""

    def put(self, name: str, content: bytes, seconds: int) -> None:
        """Keeps `content` for `seconds`."""

    def get(self, name: str) -> bytes | None:
        """The content, None when it was dropped or its time is over."""

    def keep(self, name: str, seconds: int) -> None:
        """Keeps the content for `seconds` from now; no error when there is none."""

    def drop(self, name: str) -> None:
        """Forgets the content now; no error when there is none."""


class RedisBlobs:
    """Blobs as Redis strings with an expiry. Raises redis.RedisError when the store cannot be reached or is full."""

    def __init__(self, client: Client) -> None:
        self._client = client

    def put(self, name: str, content: bytes, seconds: int) -> None:
        self._client.set(f"blob:{name}", content, ex=seconds)

    def get(self, name: str) -> bytes | None:
        content: bytes | None = self._client.get(f"blob:{name}")
        return content

    def keep(self, name: str, seconds: int) -> None:
        self._client.expire(f"blob:{name}", seconds)

    def drop(self, name: str) -> None:
        self._client.unlink(f"blob:{name}")


class DirectoryBlobs:
    """Blobs as files, for a folder that web and workers share. A file's modification time is when its life ends."""

    sweep_every = 60.0

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._folder.mkdir(parents=True, exist_ok=True)
        self._swept = time.monotonic()

    def put(self, name: str, content: bytes, seconds: int) -> None:
        """Raises OSError when the folder cannot be written."""
        if time.monotonic() - self._swept > self.sweep_every:
            self.sweep()
        # Written beside and renamed: a worker never sees half a picture.
        with tempfile.NamedTemporaryFile(dir=self._folder, prefix=".", delete=False) as file:
            file.write(content)
        ends = time.time() + seconds
        os.utime(file.name, (ends, ends))
        Path(file.name).rename(self._path(name))

    def get(self, name: str) -> bytes | None:
        path = self._path(name)
        try:
            return path.read_bytes() if path.stat().st_mtime > time.time() else None
        except FileNotFoundError:
            return None

    def keep(self, name: str, seconds: int) -> None:
        ends = time.time() + seconds
        with contextlib.suppress(FileNotFoundError):
            os.utime(self._path(name), (ends, ends))

    def drop(self, name: str) -> None:
        self._path(name).unlink(missing_ok=True)

    def sweep(self) -> None:
        """Removes the files whose time is over."""
        self._swept = time.monotonic()
        for path in self._folder.iterdir():
            try:
                if path.is_file() and path.stat().st_mtime < time.time():
                    path.unlink(missing_ok=True)
            except FileNotFoundError:
                continue  # another process swept it

    def _path(self, name: str) -> Path:
        if not _NAME.fullmatch(name):
            raise ValueError(f"not a blob's name: {name!r}")
        return self._folder / name


def open_blobs(settings: Settings, store: Client, connect: Callable[[str], Client]) -> Blobs:
    """The blobs that the settings name; `store` is the queue's own Redis, `connect` opens another.

    Raises SettingError for another kind of URL.
    """
    url = settings.blob_store_url
    parts = urlsplit(url)
    if parts.scheme == "file" and parts.path:
        return DirectoryBlobs(Path(unquote(parts.path)))
    if parts.scheme in {"redis", "rediss", "unix"}:
        return RedisBlobs(store if url == settings.redis_url else connect(url))
    raise SettingError("PLATEHOST_BLOB_URL must begin with redis://, rediss://, unix:// or file:///.")
