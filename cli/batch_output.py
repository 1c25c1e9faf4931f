"""Where `platehost batch` writes its answers, and which of them a file already has from a run before."""

import csv
import json
import os
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Protocol, TextIO

from cli.errors import UserError

VEHICLE = ("make", "model", "colour", "year", "fuel_type", "source")
COLUMNS = (
    *("file", "plate", "confidence", "region", "x", "y", "width", "height"),
    *VEHICLE,
    *("error_code", "error_message"),
)

# The service's fault, not the picture's: the next run sends these again.
PASSING = frozenset({"INTERNAL_ERROR", "SERVICE_UNAVAILABLE", "RESULT_GONE", "JOB_CANCELLED", "FILE_NOT_FOUND"})

Record = dict[str, Any]


class Output(Protocol):
    """One way to write answers to a stream."""

    def add(self, record: Record) -> None:
        """Writes a photo's record whole: `file`, and what the service answered."""


class JsonLines:
    """One object a line."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def add(self, record: Record) -> None:
        self._stream.write(json.dumps(record) + "\n")
        self._stream.flush()

    @staticmethod
    def kept(lines: TextIO) -> Iterator[Record]:
        """The whole records of an earlier run; what its end cut off is left out."""
        for line in lines:
            try:
                record = json.loads(line)
            except ValueError:
                continue
            if line.endswith("\n") and isinstance(record, dict) and "file" in record:
                yield record


class Csv:
    """One row a plate; one row for a photo without plates or with an error."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._rows = csv.DictWriter(stream, COLUMNS, restval="", lineterminator="\n")
        self._rows.writeheader()

    def add(self, record: Record) -> None:
        self._rows.writerows(record["rows"] if "rows" in record else _rows(record))
        self._stream.flush()

    @staticmethod
    def kept(lines: TextIO) -> Iterator[Record]:
        """The records of an earlier run but its last one, whose rows may not all have been written."""
        record: Record | None = None
        for row in csv.DictReader(lines):
            if record is not None and record["file"] == row["file"]:
                record["rows"].append(row)
                continue
            if record is not None:
                yield record
            record = {"file": row["file"], "rows": [row], "error": {"code": row.get("error_code") or ""}}


FORMS: dict[str, type[JsonLines] | type[Csv]] = {"json": JsonLines, "csv": Csv}


def open_output(path: str | None, form: str) -> tuple[TextIO, Output, set[str]]:
    """The stream, how to write to it, and the files that need not be sent again.

    An earlier run's file is gone over: it is replaced by its records that stand. Raises UserError.
    """
    if path is None:
        return sys.stdout, FORMS[form](sys.stdout), set()
    place = Path(path)
    done: set[str] = set()
    try:
        kept: list[Record] = []
        if place.exists():
            with place.open(encoding="utf-8", newline="") as lines:
                kept = [each for each in FORMS[form].kept(lines) if _code(each) not in PASSING]
        fresh = place.with_name(f".{place.name}.{os.getpid()}")
        # Kept open under its final name: there is no moment in which the old answers are gone.
        stream = fresh.open("w", encoding="utf-8", newline="")
        output = FORMS[form](stream)
        for record in kept:
            output.add(record)
            done.add(record["file"])
        fresh.replace(place)
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise UserError(f"--output {path} cannot be used: {error}.") from error
    return stream, output, done


def _code(record: Mapping[str, Any]) -> str:
    error = record.get("error")
    return str(error.get("code", "")) if isinstance(error, Mapping) else ""


def _rows(record: Mapping[str, Any]) -> Iterator[Record]:
    if error := record.get("error"):
        yield {"file": record["file"], "error_code": error["code"], "error_message": error["message"]}
    for result in record.get("results") or ():
        plain = {name: result[name] for name in ("plate", "confidence", "region")}
        vehicle = result.get("vehicle") or {}
        known = {name: vehicle[name] for name in VEHICLE if name in vehicle}
        yield {"file": record["file"], **plain, **result["bounding_box"], **known}
