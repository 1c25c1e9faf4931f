"""Reads photos with the engine, in batches, and says what is in each in the shape of the Snapshot API."""

import itertools
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import core_rs
from cli.errors import UserError
from cli.photos import Photo, printable
from platehost.options import Options
from platehost.reading import Failure, Outcome
from platehost.renderings.plate_reader import wanted_results
from platehost.settings import SettingError, Settings
from worker.engine import EngineUnavailable, Recogniser

BATCH = 4  # photos in one call of the core: enough to fill it, and soon enough for the first answers

LARGEST_FILE = 200_000_000  # bytes; whatever is larger is no photo, and must not fill the memory

Answer = dict[str, Any]


def open_engine(pack: str | None) -> Recogniser:
    """The core with the model pack in the folder `pack`, or with the one that the settings name."""
    try:
        settings = Settings.from_env()
        folder = pack or settings.pack
        return Recogniser(
            folder,
            make_model=settings.make_model_beside(folder),
            threads=settings.worker_threads,
            max_pixels=settings.max_pixels,
            batch_size=BATCH,
            provider=settings.provider,
            device=settings.provider_device,
        )
    except (SettingError, EngineUnavailable) as error:
        raise UserError(str(error)) from error


def read(engine: Recogniser, photos: Iterable[Photo], options: Options) -> Iterator[tuple[Photo, bytes | None, Answer]]:
    """Each photo with its bytes (None when there are none) and its answer, in order.

    An answer holds `file`, and either `results` and `processing_time` (milliseconds) or `error` with `code` and
    `message`. One photo that fails never fails the others.
    """
    remaining = iter(photos)
    while batch := list(itertools.islice(remaining, BATCH)):
        contents = [_content(photo) for photo in batch]
        pictures = [content for content in contents if isinstance(content, bytes)]
        outcomes = iter(_outcomes(engine, pictures, options))
        for photo, content in zip(batch, contents, strict=True):
            if isinstance(content, Failure):
                yield photo, None, _error(photo, content)
            else:
                yield photo, content, _answer(photo, next(outcomes), options)


def _outcomes(engine: Recogniser, pictures: list[bytes], options: Options) -> list[Outcome]:
    if not pictures:
        return []
    try:
        return engine.read(pictures, [options] * len(pictures))
    except core_rs.CoreError as error:  # the call as a whole
        return [Failure(error.code, str(error))] * len(pictures)


def _content(photo: Photo) -> bytes | Failure:
    if photo.missing:
        return photo.missing
    try:
        with Path(photo.file).open("rb") as file:
            content = file.read(LARGEST_FILE + 1)
    except OSError as error:
        return Failure("file_unreadable", f"{printable(photo.file)} cannot be read: {error.strerror}.")
    if len(content) > LARGEST_FILE:
        name = printable(photo.file)
        return Failure("image_too_large", f"{name} has over {LARGEST_FILE // 1_000_000} MB; shrink the picture.")
    return content


def _answer(photo: Photo, outcome: Outcome, options: Options) -> Answer:
    if isinstance(outcome, Failure):
        return _error(photo, outcome)
    return {
        "file": printable(photo.file),
        "results": wanted_results(outcome, options),
        "processing_time": round(outcome.processing_ms, 3),
    }


def _error(photo: Photo, failure: Failure) -> Answer:
    return {"file": printable(photo.file), "error": {"code": failure.code, "message": failure.message}}
