"""A reading as the Snapshot API's V2 JSON, which `detection_mode` "vehicle" asks for."""

from __future__ import annotations

from typing import Any

from platehost.reading import Plate, Reading
from platehost.renderings.snapshot import box_of, candidates_of, score_of, vehicle_of

BEST = 3


def results(reading: Reading) -> list[dict[str, Any]]:
    """One object per plate in the V2 JSON: what is known stands in `props`, each with its score, the best three first.

    `vehicle` is always there: the vendor's own converter to version 1 leaves out what has none.
    """
    return [_result(plate, reading) for plate in reading.plates]


def _result(plate: Plate, reading: Reading) -> dict[str, Any]:
    candidates = candidates_of(plate)[:BEST]
    region = plate.region
    return {
        "plate": {
            "type": "Plate",
            "score": score_of(plate.dscore),
            "box": box_of(plate.box, reading),
            "props": {
                "plate": [{"value": each["plate"], "score": each["score"]} for each in candidates],
                "region": [{"value": region.code, "score": score_of(region.score)}] if region else [],
            },
        },
        "vehicle": {
            **vehicle_of(plate.vehicle, reading),
            # No stage tells these yet: the lists are there, and empty with and without mmc.
            "props": {"make_model": [], "orientation": [], "color": []},
        },
    }
