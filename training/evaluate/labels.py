"""Labelled plates of a folder: its tables photos.csv (boxes in whole photos) and crops.csv (plates cut out)."""

from __future__ import annotations

import csv
import math
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

Box = tuple[float, float, float, float]

TABLES = {"photo": "photos.csv", "crop": "crops.csv"}
SIDES = ("x1", "y1", "x2", "y2")
LATIN = re.compile(r"[A-Z0-9]+")


class FolderError(ValueError):
    """A folder that cannot be scored. The message names the file, and the line and column where there is one."""


@dataclass(frozen=True)
class Label:
    """One labelled plate.

    file: the picture, relative to the folder. box: x1, y1, x2, y2 in pixels of the stored picture, None for a crop.
    width: pixels. country: lower-case ISO code or empty. sharpness: see `training.evaluate.blur`, 0 until measured.
    state: such as `us-ny`, where the table has a column `region` that tells it.
    """

    file: str
    box: Box | None
    width: float
    text: str
    country: str
    source: str
    sharpness: float = 0.0
    state: str = ""

    @property
    def readable(self) -> bool:
        """Whether its text is in A-Z, 0-9, the characters that every reader here knows."""
        return LATIN.fullmatch(self.text) is not None


def load(folder: Path, split: str) -> tuple[list[Label], list[Label]]:
    """Labels of photos and of crops in `split`, in the tables' order; a missing table has none. Raises FolderError."""
    if not folder.is_dir():
        raise FolderError(f"{folder} is not a folder; give one that holds photos.csv, crops.csv or both.")
    tables = {kind: folder / name for kind, name in TABLES.items() if (folder / name).exists()}
    if not tables:
        raise FolderError(f"{folder} has neither photos.csv nor crops.csv; one of them must list the plates.")
    found = {kind: list(_labels(path, kind, split)) for kind, path in tables.items()}
    if not any(found.values()):
        names = " and ".join(path.name for path in tables.values())
        raise FolderError(f"{folder}: no row of {names} has {split!r} in the column 'split'.")
    return found.get("photo", []), found.get("crop", [])


def _labels(path: Path, kind: str, split: str) -> Iterator[Label]:
    for line, row in rows(
        path, [kind, "split", "text", "country", "source", *(SIDES if kind == "photo" else ["width"])], ["region"]
    ):
        if row["split"] != split:
            continue

        def number(column: str, line: int = line, row: dict[str, str] = row) -> float:
            try:
                value = float(row[column])
            except ValueError:
                value = math.nan
            if not math.isfinite(value):
                raise FolderError(f"{path}, line {line}, column '{column}': {row[column]!r} is no number of pixels.")
            return value

        if not (path.parent / row[kind]).is_file():
            raise FolderError(f"{path}, line {line}, column '{kind}': there is no file {path.parent / row[kind]}.")
        if kind == "crop":
            box, width = None, number("width")
        else:
            x1, y1, x2, y2 = (number(side) for side in SIDES)
            if x2 <= x1 or y2 <= y1:
                raise FolderError(f"{path}, line {line}, columns 'x1' to 'y2': the box is empty; x2 > x1 and y2 > y1.")
            box, width = (x1, y1, x2, y2), x2 - x1
        yield Label(row[kind], box, width, row["text"], row["country"], row["source"], state=row["region"])


def rows(path: Path, columns: list[str], optional: Sequence[str] = ()) -> Iterator[tuple[int, dict[str, str]]]:
    """Line number and row, every one of `columns` in it as text, and of the optional ones, which a table may lack."""
    try:
        with path.open(newline="", encoding="utf-8") as lines:
            table = csv.DictReader(lines)
            missing = [column for column in columns if column not in (table.fieldnames or [])]
            if missing:
                raise FolderError(f"{path} has no column '{missing[0]}'; it must have {', '.join(columns)}.")
            for row in table:
                yield table.line_num, {column: row.get(column) or "" for column in (*columns, *optional)}
    except (UnicodeDecodeError, csv.Error) as error:
        raise FolderError(f"{path} is no CSV table in UTF-8: {error}.") from error
