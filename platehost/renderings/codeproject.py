"""A reading as the answer of CodeProject.AI's ALPR module, which Blue Iris and Frigate add-ons speak."""

from __future__ import annotations

from typing import Any

from platehost.reading import Plate, Reading
from platehost.renderings.boxes import whole_pixels


def render(reading: Reading, *, min_confidence: float) -> dict[str, Any]:
    """The body of a successful answer. No plate is a success with an empty list; there is no `error` in it."""
    predictions = [_prediction(plate, reading) for plate in reading.plates if plate.score >= min_confidence]
    found = f"{len(predictions)} plate" if len(predictions) == 1 else f"{len(predictions)} plates"
    milliseconds = round(reading.processing_ms)
    return {
        "success": True,
        "message": f"Found {found}" if predictions else "No plates found",
        "predictions": predictions,
        "count": len(predictions),
        "command": "alpr",
        "moduleId": "ALPR",
        "inferenceMs": milliseconds,
        "processMs": milliseconds,
        "code": 200,
    }


def _prediction(plate: Plate, reading: Reading) -> dict[str, Any]:
    xmin, ymin, xmax, ymax = whole_pixels(plate.box, reading.width, reading.height)
    return {
        "plate": plate.text,
        "label": f"Plate: {plate.text}",
        "confidence": round(plate.score, 3),
        "x_min": xmin,
        "y_min": ymin,
        "x_max": xmax,
        "y_max": ymax,
    }
