"""What the page of a tried photo draws into the photo and says beside it, in pixels of the photo."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from platehost.reading import Plate, Reading, Vehicle
from platehost.renderings.vehicles import UNKNOWN, best_colours, best_models, best_orientations, best_years


@dataclass(frozen=True)
class Fact:
    """One line about a vehicle; `score` is None where `text` says that it is not known."""

    name: str
    text: str
    score: float | None = None


def plate_marks(reading: Reading, *, mmc: bool) -> list[dict[str, Any]]:
    """One mark per plate, numbered from 1, with its vehicle."""
    return [_plate_mark(number, plate, reading, mmc) for number, plate in enumerate(reading.plates, start=1)]


def vehicle_marks(reading: Reading, *, mmc: bool) -> list[dict[str, Any]]:
    """One mark per vehicle without a plate."""
    return [{"box": _pixels(each), "facts": facts_of(each, mmc=mmc)} for each in reading.bare_vehicles]


def facts_of(vehicle: Vehicle | None, *, mmc: bool) -> list[Fact]:
    """What is known of a vehicle: its type, and with `mmc` make, colour, year and side, each with its score."""
    if vehicle is None:
        return [Fact("Vehicle", "none found")]
    known = vehicle.type != UNKNOWN
    facts = [Fact("Vehicle", vehicle.type if known else "type not known", vehicle.type_score if known else None)]
    if not mmc:
        return facts
    models = [
        (" ".join(word for word in (each.make, each.model) if word != UNKNOWN), each.score)
        for each in best_models(vehicle)
    ]
    colours = [(each.name.replace(UNKNOWN.lower(), ""), each.score) for each in best_colours(vehicle)]
    sides = [(each.name.replace(UNKNOWN, ""), each.score) for each in best_orientations(vehicle)]
    years = [(str(year), score) for year, score in best_years(vehicle)]
    facts += [_best("Make and model", models), _best("Colour", colours), _best("Side", sides)]
    # A pack without years is the rule: no line for what it never says.
    return facts + ([_best("Model year", years)] if years else [])


def _best(name: str, found: list[tuple[str, float]]) -> Fact:
    text, score = found[0] if found else ("", 0.0)
    return Fact(name, text, score) if text else Fact(name, "not known")


def _plate_mark(number: int, plate: Plate, reading: Reading, mmc: bool) -> dict[str, Any]:
    x1, y1, x2, y2 = plate.box
    corners = plate.corners or ((x1, y1), (x2, y1), (x2, y2), (x1, y2))
    size = max(18.0, min(reading.width, reading.height) / 22)
    left = min(max(0.0, x1), reading.width - size * 1.3)
    above = y1 - size * 1.25
    return {
        "number": number,
        "plate": plate,
        "points": " ".join(f"{x:.1f},{y:.1f}" for x, y in corners),
        "size": round(size, 1),
        "left": round(left, 1),
        "top": round(above if above >= 0 else min(y2 + size * 0.15, reading.height - size), 1),
        "box": _pixels(plate.vehicle) if plate.vehicle else None,
        "facts": facts_of(plate.vehicle, mmc=mmc),
    }


def _pixels(vehicle: Vehicle) -> dict[str, float]:
    x1, y1, x2, y2 = (round(each, 1) for each in vehicle.box)
    return {"x": x1, "y": y1, "width": round(x2 - x1, 1), "height": round(y2 - y1, 1)}
