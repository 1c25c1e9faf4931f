"""Where a command finds the store: REDIS_URL, or the private Redis of the data folder."""

import argparse
import contextlib
import os
from collections.abc import Iterator

from cli.data_folder import DEFAULT_FOLDER, DataFolder
from cli.errors import UserError
from cli.private_redis import PrivateRedis, running_address


def add_data_option(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--data",
        metavar="DIR",
        help="the service's data folder; not looked at when REDIS_URL is set "
        f"(default: $PLATEHOST_DATA, otherwise ./{DEFAULT_FOLDER})",
    )


def data_folder(given: str | None) -> DataFolder:
    return DataFolder(given or os.environ.get("PLATEHOST_DATA") or DEFAULT_FOLDER)


@contextlib.contextmanager
def store_address(given: str | None) -> Iterator[str]:
    """The URL of the store that the command is to use; `given` is its `--data`.

    When no service runs on the data folder, its Redis is started for the length of the block. A folder that nobody
    named is never made: the command was then most likely called in the wrong place.
    """
    if url := os.environ.get("REDIS_URL"):
        yield url
        return
    folder = data_folder(given)
    named = given or os.environ.get("PLATEHOST_DATA")
    if not folder.holds_store() and not named:
        raise UserError(
            f"There is no store in {folder.path}: name the service's data folder with --data DIR, or set REDIS_URL."
        )
    folder.make()
    if running := running_address(folder):
        yield running
        return
    with folder.locked("command") as lock:
        server = PrivateRedis(folder)
        with server.running(lock):
            yield server.url
