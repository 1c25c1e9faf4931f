"""Which photos a command line names."""

import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from platehost.reading import Failure

# What the core decodes. A file that is named outright is tried whatever its name; a folder is filtered by these.
SUFFIXES = frozenset({".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".webp"})


@dataclass(frozen=True)
class Photo:
    """One photo to read, or a path that names none.

    `file` is the path that opens it (`printable` for the user's eyes), `relative` its place below the folder that was
    named (or its bare name), `missing` the reason why there is nothing to read.
    """

    file: str
    relative: Path
    missing: Failure | None = None


def printable(path: str) -> str:
    """The path as text that every output takes: bytes of a name that are not UTF-8 become `\\xe9` and the like."""
    return os.fsencode(path).decode("utf-8", errors="backslashreplace")


def find_photos(paths: Iterable[str]) -> Iterator[Photo]:
    """The photos under `paths`, folders walked recursively in the order of their names; hidden files are left out."""
    for path in paths:
        if os.path.isdir(path):
            yield from _in_folder(path)
        elif os.path.exists(path):
            yield Photo(path, Path(os.path.basename(path)))
        else:
            yield Photo(
                path, Path(os.path.basename(path)), Failure("file_not_found", f"There is no file {printable(path)}.")
            )


def _in_folder(folder: str) -> Iterator[Photo]:
    found = False
    for parent, folders, files in os.walk(folder):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(files):
            if name.startswith(".") or Path(name).suffix.lower() not in SUFFIXES:
                continue
            found = True
            path = os.path.join(parent, name)
            yield Photo(path, Path(os.path.relpath(path, folder)))
    if not found:
        kinds = ", ".join(sorted(SUFFIXES))
        reason = f"{printable(folder)} holds no photo ({kinds})."
        yield Photo(folder, Path(os.path.basename(folder)), Failure("no_photos", reason))
