"""The photos that `platehost batch` sends: files, folders, and ZIP archives of photos."""

import zipfile
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from cli.photos import SUFFIXES, Photo, find_photos, printable
from platehost.reading import Failure

LARGEST = 100_000_000  # bytes; no service takes a picture of that size, and it must not fill the memory


@dataclass(frozen=True)
class Source:
    """One photo: `file` is its name in the answers, `open` gives its bytes or why there are none."""

    file: str
    open: Callable[[], bytes | Failure]


def find_sources(paths: Iterable[str]) -> Iterator[Source]:
    """The photos under `paths`, in order; one of an archive is named `archive.zip/its/path.jpg`."""
    for photo in find_photos(paths):
        if not photo.missing and Path(photo.file).suffix.lower() == ".zip":
            yield from _in_archive(photo.file)
        else:
            yield Source(printable(photo.file), lambda photo=photo: _read(photo))  # type: ignore[misc]


def _in_archive(path: str) -> Iterator[Source]:
    shown = printable(path)
    try:
        archive = zipfile.ZipFile(path)
    except (OSError, ValueError, NotImplementedError, zipfile.BadZipFile) as error:
        failure = Failure("ARCHIVE_UNREADABLE", f"{shown} cannot be read as a ZIP archive: {error}.")
        yield Source(shown, lambda: failure)
        return
    photos = [
        each
        for each in archive.infolist()
        if not each.is_dir()
        and Path(each.filename).suffix.lower() in SUFFIXES
        and not any(part.startswith((".", "__MACOSX")) for part in Path(each.filename).parts)
    ]
    if not photos:
        nothing = Failure("NO_PHOTOS", f"{shown} holds no photo ({', '.join(sorted(SUFFIXES))}).")
        yield Source(shown, lambda: nothing)
    for each in photos:
        yield Source(f"{shown}/{each.filename}", lambda each=each: _unpack(archive, each))  # type: ignore[misc]


def _read(photo: Photo) -> bytes | Failure:
    if photo.missing:
        return Failure(photo.missing.code.upper(), photo.missing.message)
    try:
        with Path(photo.file).open("rb") as file:
            return _bounded(printable(photo.file), file.read(LARGEST + 1))
    except OSError as error:
        return Failure("FILE_UNREADABLE", f"{printable(photo.file)} cannot be read: {error.strerror}.")


def _unpack(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> bytes | Failure:
    name = f"{printable(str(archive.filename))}/{member.filename}"
    try:
        with archive.open(member) as file:
            # Not what the archive says of the size: it may say anything.
            return _bounded(name, file.read(LARGEST + 1))
    except (OSError, RuntimeError, NotImplementedError, EOFError, ValueError, zipfile.BadZipFile) as error:
        return Failure("FILE_UNREADABLE", f"{name} cannot be read: {error}.")


def _bounded(name: str, content: bytes) -> bytes | Failure:
    if len(content) > LARGEST:
        return Failure("IMAGE_TOO_LARGE", f"{name} has over {LARGEST // 1_000_000} MB; shrink the picture.")
    return content
