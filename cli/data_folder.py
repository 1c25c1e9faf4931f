"""The folder that a service with a private Redis keeps everything in, and its lock: one folder, one service."""

import contextlib
import fcntl
import os
import time
from collections.abc import Iterator
from pathlib import Path

from cli.errors import UserError

DEFAULT_FOLDER = "data"
PATIENCE = 10.0  # seconds to wait for a short-lived command, or for a killed service's Redis, to let go of the folder


class DataFolder:
    """Paths in the data folder. Only its owner may look into it: it holds keys' hashes, photos and readings."""

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = Path(path).absolute()
        self.redis = self.path / "redis"
        self.address = self.path / "redis.url"
        self.lock = self.path / "lock"
        self.first_key = self.path / "first.key"

    def make(self) -> None:
        try:
            self.path.mkdir(mode=0o700, parents=True, exist_ok=True)
            self.path.chmod(0o700)
            self.redis.mkdir(mode=0o700, exist_ok=True)
        except OSError as error:
            raise UserError(f"The data folder {self.path} cannot be used: {error.strerror}.") from error

    def holds_store(self) -> bool:
        return self.redis.is_dir()

    @contextlib.contextmanager
    def locked(self, purpose: str) -> Iterator[int]:
        """Hold the folder for this process; gives the lock's file descriptor, which the private Redis inherits.

        The lock is free only when both have ended, so that no second Redis opens the same files. Raises UserError when
        a service holds it, or anybody else for longer than PATIENCE.
        """
        self.make()
        descriptor = os.open(self.lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            self._wait_for(descriptor)
            os.ftruncate(descriptor, 0)
            os.pwrite(descriptor, f"{os.getpid()} {purpose}".encode(), 0)
            yield descriptor
        finally:
            os.close(descriptor)

    def _wait_for(self, descriptor: int) -> None:
        until = time.monotonic() + PATIENCE
        while True:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                return
            except BlockingIOError:
                holder, _, purpose = os.pread(descriptor, 100, 0).decode(errors="replace").partition(" ")
                if (purpose == "serve" and _alive(holder)) or time.monotonic() > until:
                    raise UserError(
                        f"A service already runs on the data folder {self.path} (process {holder}): end it first, "
                        "or give this one another folder with --data."
                    ) from None
                time.sleep(0.1)


def _alive(process: str) -> bool:
    try:
        os.kill(int(process), 0)
    except (ValueError, ProcessLookupError):
        return False
    except PermissionError:
        return True
    return True


def write_private(path: Path, text: str) -> None:
    """Write `text` so that only its owner can ever read it, and nobody sees half of it."""
    new = path.with_name(path.name + ".new")
    new.unlink(missing_ok=True)
    with os.fdopen(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(text)
    new.replace(path)
