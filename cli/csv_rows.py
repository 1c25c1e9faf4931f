"""Readings as rows of a CSV table, in the flattened keys that scripts around the Snapshot API know."""

import csv
import json
from collections.abc import Iterator, Mapping
from typing import Any, TextIO

from cli.results import as_version_1

COLUMNS = (
    "file",
    "processing_time",
    "box_xmin",
    "box_ymin",
    "box_xmax",
    "box_ymax",
    "plate",
    "region_code",
    "region_score",
    "score",
    "candidates",
    "dscore",
    "vehicle_score",
    "vehicle_type",
    "vehicle_box_xmin",
    "vehicle_box_ymin",
    "vehicle_box_xmax",
    "vehicle_box_ymax",
    "model_make",
    "color",
    "orientation",
    "year",
    "error_code",
    "error_message",
)


def writer(stream: TextIO) -> "csv.DictWriter[str]":
    """A CSV writer on `stream`; the heading is written at once."""
    rows = csv.DictWriter(stream, COLUMNS, restval="", extrasaction="ignore", lineterminator="\n")
    rows.writeheader()
    return rows


def rows_of(answer: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """One row for each plate of a photo's `answer`, and for each vehicle without one where these were asked for.

    A photo without any, or with an error, has one row.
    """
    shared = flatten({key: value for key, value in answer.items() if key != "results"})
    for result in answer.get("results") or [None]:
        yield {**shared, **flatten(as_version_1(result) if result else {})}


def flatten(record: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Nested keys joined by `_`; a list stays one cell, as JSON."""
    flat: dict[str, Any] = {}
    for key, value in record.items():
        name = f"{prefix}{key}"
        if isinstance(value, Mapping):
            flat |= flatten(value, f"{name}_")
        else:
            flat[name] = json.dumps(value) if isinstance(value, list) else value
    return flat
