"""A reading as the Snapshot API's version 1 answer."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from platehost.reading import Box, Plate, Reading
from platehost.renderings.boxes import whole_pixels

VERSION = 1
NO_BOX = {"xmin": 0, "ymin": 0, "xmax": 0, "ymax": 0}


def render(reading: Reading, *, mmc: bool, echo: Mapping[str, Any]) -> dict[str, Any]:
    """The body of a successful answer; `echo` holds `filename`, `camera_id` and `timestamp`."""
    return {
        "processing_time": round(reading.processing_ms, 3),
        "results": results(reading, mmc=mmc),
        "filename": echo["filename"],
        "version": VERSION,
        "camera_id": echo["camera_id"],
        "timestamp": echo["timestamp"],
        "image_width": reading.width,
        "image_height": reading.height,
    }


def results(reading: Reading, *, mmc: bool) -> list[dict[str, Any]]:
    """One object per plate. `vehicle`, `region`, `candidates` and `dscore` are always there: clients index them."""
    return [_result(plate, reading, mmc) for plate in reading.plates]


def _result(plate: Plate, reading: Reading, mmc: bool) -> dict[str, Any]:
    candidates = [{"score": _score(each.score), "plate": each.text.lower()} for each in plate.candidates]
    result: dict[str, Any] = {
        "box": _box(plate.box, reading),
        "plate": plate.text.lower(),
        "region": {
            "code": plate.region.code if plate.region else "",
            "score": _score(plate.region.score if plate.region else 0.0),
        },
        "score": _score(plate.score),
        "candidates": candidates or [{"score": _score(plate.score), "plate": plate.text.lower()}],
        "dscore": _score(plate.dscore),
        "vehicle": {
            "score": _score(plate.vehicle.score if plate.vehicle else 0.0),
            "type": plate.vehicle.type if plate.vehicle else "Unknown",
            "box": _box(plate.vehicle.box, reading) if plate.vehicle else dict(NO_BOX),
        },
    }
    if mmc:
        # Clients that ask for these read the first element without looking whether there is one.
        result["model_make"] = [{"make": "Unknown", "model": "Unknown", "score": 0.0}]
        result["color"] = [{"color": "unknown", "score": 0.0}]
        result["orientation"] = [{"orientation": "Unknown", "score": 0.0}]
    return result


def _box(box: Box, reading: Reading) -> dict[str, int]:
    xmin, ymin, xmax, ymax = whole_pixels(box, reading.width, reading.height)
    return {"xmin": xmin, "ymin": ymin, "xmax": xmax, "ymax": ymax}


def _score(value: float) -> float:
    return round(value, 3)
