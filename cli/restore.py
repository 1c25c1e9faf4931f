"""`platehost restore`: a back-up into an empty Redis, or in place of what one holds."""

import argparse
import shutil
import sys
import tempfile
from typing import IO

from cli.backup_store import opened_store
from cli.errors import UserError
from cli.store_address import add_data_option
from platehost import backup


def add_parser(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    parser = commands.add_parser(
        "restore",
        help="read back what `platehost backup` wrote",
        description="Read a back-up into the service's store. A store that is not empty is left alone without --force.",
    )
    parser.add_argument("file", metavar="FILE", help="the file to read; - for standard input")
    parser.add_argument("--force", action="store_true", help="forget first what the store holds")
    add_data_option(parser)
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    # The whole file is checked before anything is changed.
    with tempfile.TemporaryFile() as file:
        _fetch(args.file, file)
        try:
            header = backup.check(file)
            with opened_store(args.data) as store:
                if not backup.is_empty(store):
                    if not args.force:
                        raise UserError(
                            "The store is not empty: name an empty one with --data DIR or REDIS_URL, or have all that "
                            "it holds replaced with --force."
                        )
                    # Before anything is forgotten: an older Redis takes no record of a newer one.
                    start = file.tell()
                    backup.try_one(store, backup.records(file))
                    file.seek(start)
                    backup.clear(store)
                count = backup.restore(store, backup.records(file))
        except backup.BackupError as error:
            raise UserError(str(error)) from error
    over = header.records - count
    print(f"{count} records of {header.made}" + (f"; the time of {over} more is over" if over else ""))
    return 0


def _fetch(name: str, file: IO[bytes]) -> None:
    """Copies the back-up, so that it can be read twice."""
    try:
        if name == "-":
            shutil.copyfileobj(sys.stdin.buffer, file)
        else:
            with open(name, "rb") as given:
                shutil.copyfileobj(given, file)
    except OSError as error:
        raise UserError(f"{name} cannot be read: {error.strerror or error}.") from error
    file.seek(0)
