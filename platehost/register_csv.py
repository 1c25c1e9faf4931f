"""A CSV file with vehicles, read into the operator's register or refused with every fault's line and column."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

from platehost.reading import Registration
from platehost.register import SOURCE, PlateError, plate_of

COLUMNS = ("plate", "make", "model", "colour", "year", "fuel_type")
_OTHER_NAMES = {"color": "colour", "fuel": "fuel_type", "fueltype": "fuel_type", "registration": "plate"}
_LONGEST_TEXT = 100
# The year of the first motor car.
_FIRST_YEAR = 1886
_MOST_FAULTS = 10


class CsvError(ValueError):
    """A file that cannot be taken, as a whole. `faults` are sentences, each with its line and column."""

    def __init__(self, faults: Sequence[str]) -> None:
        super().__init__(" ".join(faults))
        self.faults = tuple(faults)


@dataclass
class Parsed:
    """What a file holds: vehicles by plate, and the columns that mean nothing here."""

    vehicles: dict[str, Registration] = field(default_factory=dict)
    ignored: tuple[str, ...] = ()


def parse(content: bytes) -> Parsed:
    """Vehicles from CSV in UTF-8, with commas or semicolons; the first line names the columns, in any order.

    `plate` must be there; an empty cell means that it is not known. Raises CsvError.
    """
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b"\n") + 1
        raise CsvError([f"Line {line} is not UTF-8. Save the file as CSV in UTF-8."]) from None
    lines = text.splitlines(keepends=True)
    heading = lines[0] if lines else ""
    rows = csv.reader(io.StringIO(text, newline=""), delimiter=";" if heading.count(";") > heading.count(",") else ",")
    try:
        names = [_name(each) for each in next(rows, [])]
        _check_names(names)
        parsed = Parsed(ignored=tuple(each for each in names if each and each not in COLUMNS))
        _read(rows, names, parsed)
    except csv.Error as error:
        raise CsvError([f"Line {rows.line_num} is no CSV: {error}."]) from None
    return parsed


def _name(heading: str) -> str:
    name = heading.strip().lower().replace(" ", "_")
    return _OTHER_NAMES.get(name, name)


def _check_names(names: Sequence[str]) -> None:
    if "plate" not in names:
        raise CsvError([f"Line 1 names no column plate. Begin the file with a line such as {','.join(COLUMNS)}."])
    for name in COLUMNS:
        if names.count(name) > 1:
            raise CsvError([f"Line 1 names the column {name} {names.count(name)} times. Keep one."])


def _read(rows: csv._reader, names: Sequence[str], parsed: Parsed) -> None:  # type: ignore[name-defined]
    faults: list[str] = []
    first_lines: dict[str, int] = {}
    for row in rows:
        if not any(cell.strip() for cell in row):
            continue
        line = rows.line_num
        if len(row) > len(names):
            faults.append(f"Line {line} has {len(row)} columns, but line 1 names {len(names)}.")
        else:
            cells = dict(zip(names, (cell.strip() for cell in row), strict=False))
            _take(cells, line, first_lines, parsed, faults)
        if len(faults) >= _MOST_FAULTS:
            faults.append("There may be more.")
            break
    if faults:
        raise CsvError(faults)


def _take(cells: dict[str, str], line: int, first_lines: dict[str, int], parsed: Parsed, faults: list[str]) -> None:
    """Adds one row's vehicle, or its faults."""
    known = len(faults)
    try:
        plate = plate_of(cells["plate"])
        if plate in first_lines:
            faults.append(f"Line {line}, column plate: {plate} stands in line {first_lines[plate]} already.")
    except PlateError as error:
        plate = ""
        faults.append(f"Line {line}, column plate {error}.")
    for name in ("make", "model", "colour", "fuel_type"):
        if len(cells.get(name, "")) > _LONGEST_TEXT:
            faults.append(
                f"Line {line}, column {name} has {len(cells[name])} characters; at most {_LONGEST_TEXT} are taken."
            )
        elif not cells.get(name, "").isprintable():
            faults.append(f"Line {line}, column {name} has control characters. Write it in one line of plain text.")
    year = cells.get("year", "")
    latest = datetime.now(UTC).year + 1
    if year and not (year.isascii() and year.isdigit() and _FIRST_YEAR <= int(year) <= latest):
        faults.append(f"Line {line}, column year is {year!r}; write a year from {_FIRST_YEAR} to {latest}, or nothing.")
    if len(faults) == known:
        first_lines[plate] = line
        parsed.vehicles[plate] = Registration(
            source=SOURCE,
            make=cells.get("make") or None,
            model=cells.get("model") or None,
            colour=cells.get("colour") or None,
            year=int(year) if year else None,
            fuel_type=cells.get("fuel_type") or None,
        )
