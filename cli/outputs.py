"""The forms in which `platehost read` prints its answers: JSON lines, CSV, or a table."""

import json
import sys
from collections.abc import Mapping
from typing import Any, Protocol

from cli import csv_rows
from cli.results import as_version_1, vehicle_words
from cli.tables import print_table

Answer = Mapping[str, Any]


class Output(Protocol):
    def add(self, answer: Answer) -> None:
        """Take the answer of the next photo."""

    def end(self) -> None:
        """There are no more answers."""


class JsonLines:
    """One object a line, each as soon as it is there."""

    def add(self, answer: Answer) -> None:
        print(json.dumps(answer), flush=True)

    def end(self) -> None:
        pass


class Csv:
    """One row a plate, each as soon as it is there."""

    def __init__(self) -> None:
        self._writer = csv_rows.writer(sys.stdout)

    def add(self, answer: Answer) -> None:
        self._writer.writerows(csv_rows.rows_of(answer))
        sys.stdout.flush()

    def end(self) -> None:
        pass


class PlateTable:
    """A table of all plates and errors, printed at the end, when the widths of its columns are known."""

    HEADINGS = ("file", "plate", "score", "region", "box", "vehicle", "ms")

    def __init__(self) -> None:
        self._rows: list[tuple[str, ...]] = []
        self._errors: list[str] = []
        self._photos = 0
        self._plates = 0
        self._bare = 0

    def add(self, answer: Answer) -> None:
        self._photos += 1
        if "error" in answer:
            self._errors.append(f"{answer['file']}: {answer['error']['message']}")
            return
        time = f"{answer['processing_time']:.0f}"
        for result in map(as_version_1, answer["results"]):
            if "plate" not in result:
                self._bare += 1
                self._rows.append(
                    (answer["file"], "-", "", "", _corners(result["vehicle"]["box"]), _vehicle(result), time)
                )
                continue
            self._plates += 1
            self._rows.append(
                (
                    answer["file"],
                    result["plate"].upper(),
                    f"{result['score']:.3f}",
                    result["region"]["code"] or "-",
                    _corners(result["box"]),
                    _vehicle(result),
                    time,
                )
            )
        if not answer["results"]:
            self._rows.append((answer["file"], "no plate", "", "", "", "", time))

    def end(self) -> None:
        if self._rows:
            print_table(self.HEADINGS, self._rows)
        for error in self._errors:
            print(f"platehost: {error}", file=sys.stderr)
        found = _count(self._plates, "plate")
        found += f" and {_count(self._bare, 'vehicle')} without one" if self._bare else ""
        print(f"{_count(self._photos, 'photo')}, {found}, {_count(len(self._errors), 'error')}")


def _corners(box: Mapping[str, int]) -> str:
    return f"{box['xmin']},{box['ymin']} {box['xmax']},{box['ymax']}"


def _vehicle(result: Mapping[str, Any]) -> str:
    """What is known of the vehicle, in one cell: `red Sedan, Ford Focus, Front`; `vehicle` when it is just there."""
    return vehicle_words(result) or ("vehicle" if result["vehicle"]["score"] else "-")


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


OUTPUTS: dict[str, type[JsonLines] | type[Csv] | type[PlateTable]] = {
    "json": JsonLines,
    "csv": Csv,
    "table": PlateTable,
}
