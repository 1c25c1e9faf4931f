"""A reading as the Snapshot API's version 1 answer, and the pieces that other answers share with it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from platehost.reading import Box, Plate, Reading, Vehicle
from platehost.renderings.boxes import whole_pixels
from platehost.renderings.vehicles import (
    UNKNOWN,
    best_colours,
    best_models,
    best_orientations,
    best_years,
    direction_of,
)

VERSION = 1
NO_BOX = {"xmin": 0, "ymin": 0, "xmax": 0, "ymax": 0}


def render(reading: Reading, *, mmc: bool, echo: Mapping[str, Any]) -> dict[str, Any]:
    """The cloud's body in version 1; `echo` as for `body`."""
    return body(reading, results(reading, mmc=mmc), echo)


def body(reading: Reading, found: list[dict[str, Any]], echo: Mapping[str, Any]) -> dict[str, Any]:
    """The cloud's top level around the results; `echo` holds `filename`, `camera_id` and `timestamp`."""
    return {
        "processing_time": round(reading.processing_ms, 3),
        "results": found,
        "filename": echo["filename"],
        "version": VERSION,
        "camera_id": echo["camera_id"],
        "timestamp": echo["timestamp"],
        "image_width": reading.width,
        "image_height": reading.height,
    }


def results(reading: Reading, *, mmc: bool, direction: bool = False) -> list[dict[str, Any]]:
    """One object per plate. `vehicle`, `region`, `candidates` and `dscore` are always there: clients index them.

    `direction` is a part of what `mmc` asks for, and gives nothing without it.
    """
    return [_result(plate, reading, mmc, direction) for plate in reading.plates]


def _result(plate: Plate, reading: Reading, mmc: bool, direction: bool) -> dict[str, Any]:
    result: dict[str, Any] = {
        "box": box_of(plate.box, reading),
        "plate": plate.text.lower(),
        "region": {
            "code": plate.region.code if plate.region else "",
            "score": score_of(plate.region.score if plate.region else 0.0),
        },
        "score": score_of(plate.score),
        "candidates": candidates_of(plate),
        "dscore": score_of(plate.dscore),
        "vehicle": vehicle_of(plate.vehicle, reading),
    }
    if plate.registration:
        # Our own, and in webhooks alone: registers are asked for the NPR API's jobs, which have their own answers.
        result["registration"] = plate.registration.known()
    if mmc:
        result |= mmc_of(plate.vehicle)
        if direction:
            degrees, score = direction_of(plate.vehicle)
            result |= {"direction": degrees, "direction_score": score_of(score)}
    return result


def mmc_of(vehicle: Vehicle | None) -> dict[str, Any]:
    """`model_make`, `color` and `orientation`, never empty: clients read the first element without looking.

    `year` is our own key, and there only where a year is known.
    """
    years = best_years(vehicle)
    return {
        "model_make": models_of(vehicle) or [{"make": UNKNOWN, "model": UNKNOWN, "score": 0.0}],
        "color": [{"color": each.name, "score": score_of(each.score)} for each in best_colours(vehicle)]
        or [{"color": UNKNOWN.lower(), "score": 0.0}],
        "orientation": [
            {"orientation": each.name, "score": score_of(each.score)} for each in best_orientations(vehicle)
        ]
        or [{"orientation": UNKNOWN, "score": 0.0}],
        **({"year": [{"year": year, "score": score_of(score)} for year, score in years]} if years else {}),
    }


def models_of(vehicle: Vehicle | None) -> list[dict[str, Any]]:
    """Makes and models as the API writes them in both of its versions; empty where none is known."""
    return [{"make": each.make, "model": each.model, "score": score_of(each.score)} for each in best_models(vehicle)]


def candidates_of(plate: Plate) -> list[dict[str, Any]]:
    """The plate's possible texts, best first; the plate's own text when there are no others."""
    found = [{"score": score_of(each.score), "plate": each.text.lower()} for each in plate.candidates]
    return found or [{"score": score_of(plate.score), "plate": plate.text.lower()}]


def vehicle_of(vehicle: Vehicle | None, reading: Reading) -> dict[str, Any]:
    """The vehicle, or its place held: clients index it without looking whether there is one."""
    return {
        "score": score_of(vehicle.score if vehicle else 0.0),
        "type": vehicle.type if vehicle else UNKNOWN,
        "box": box_of(vehicle.box, reading) if vehicle else dict(NO_BOX),
    }


def box_of(box: Box, reading: Reading) -> dict[str, int]:
    """A box as whole pixels inside the picture."""
    xmin, ymin, xmax, ymax = whole_pixels(box, reading.width, reading.height)
    return {"xmin": xmin, "ymin": ymin, "xmax": xmax, "ymax": ymax}


def score_of(value: float) -> float:
    """A score as the API writes it, with three decimals."""
    return round(value, 3)
