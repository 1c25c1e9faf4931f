"""A reading as the Snapshot API's V2 JSON, which `detection_mode` "vehicle" asks for."""

from __future__ import annotations

from typing import Any

from platehost.reading import Plate, Reading, Vehicle
from platehost.renderings.snapshot import box_of, candidates_of, models_of, score_of, vehicle_of
from platehost.renderings.vehicles import BEST, best_colours, best_orientations


def results(reading: Reading, *, mmc: bool) -> list[dict[str, Any]]:
    """One object per plate, then one per vehicle without a plate, whose `plate` is null.

    What is known stands in `props`, each with its score, the best three first; without `mmc` a vehicle's lists are
    there and empty. `vehicle` is always there: the vendor's own converter to version 1 leaves out what has none.
    """
    plates = [
        {"plate": _plate(plate, reading), "vehicle": _vehicle(plate.vehicle, reading, mmc)} for plate in reading.plates
    ]
    bare = [{"plate": None, "vehicle": _vehicle(vehicle, reading, mmc)} for vehicle in reading.bare_vehicles]
    return [*plates, *bare]


def _plate(plate: Plate, reading: Reading) -> dict[str, Any]:
    region = plate.region
    return {
        "type": "Plate",
        "score": score_of(plate.dscore),
        "box": box_of(plate.box, reading),
        "props": {
            "plate": [{"value": each["plate"], "score": each["score"]} for each in candidates_of(plate)[:BEST]],
            "region": [{"value": region.code, "score": score_of(region.score)}] if region else [],
        },
    }


def _vehicle(vehicle: Vehicle | None, reading: Reading, mmc: bool) -> dict[str, Any]:
    held = vehicle_of(vehicle, reading)
    shown = vehicle if mmc else None
    orientations, colours = best_orientations(shown), best_colours(shown)
    return {
        "type": held["type"],
        "score": held["score"],
        "box": held["box"],
        "props": {
            "make_model": models_of(shown),
            "orientation": [{"value": each.name, "score": score_of(each.score)} for each in orientations],
            "color": [{"value": each.name, "score": score_of(each.score)} for each in colours],
        },
    }
