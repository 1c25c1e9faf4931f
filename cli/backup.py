"""`platehost backup`: everything that the service keeps, from a living Redis into one file."""

import argparse
import contextlib
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import IO

from cli.backup_store import opened_store
from cli.errors import UserError
from cli.store_address import add_data_option
from platehost import backup


def add_parser(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    parser = commands.add_parser(
        "backup",
        help="write everything that the service keeps into one file",
        description="Write accounts, keys, targets, usage, jobs and deliveries into one file, from a running service "
        "or a stopped one. The file holds secrets: only its owner may read it.",
    )
    parser.add_argument("file", metavar="FILE", help="the file to write; - for standard output")
    parser.add_argument("--pictures", action="store_true", help="also the pictures that wait for a worker or a target")
    add_data_option(parser)
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    with opened_store(args.data) as store, _target(args.file) as file:
        header = backup.write(file, store, pictures=args.pictures)
        size = file.tell() if args.file != "-" else None
    told = f"{header.records} records" + (f", {size:,} bytes" if size is not None else "")
    print(f"{told}, from Redis {header.redis}", file=sys.stderr if args.file == "-" else sys.stdout)
    return 0


@contextlib.contextmanager
def _target(name: str) -> Iterator[IO[bytes]]:
    """The file to write; a back-up that breaks off leaves an older one of that name as it was."""
    if name == "-":
        if sys.stdout.isatty():
            raise UserError("A back-up is no text for a terminal: name a file, or send it into one with >.")
        yield sys.stdout.buffer
        sys.stdout.buffer.flush()
        return
    path = Path(name)
    new = path.with_name(path.name + ".new")
    try:
        new.unlink(missing_ok=True)
        with os.fdopen(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        new.replace(path)
    except OSError as error:
        raise UserError(f"{path} cannot be written: {error.strerror or error}.") from error
    finally:
        with contextlib.suppress(OSError):
            new.unlink(missing_ok=True)
