"""A reading as the NPR API's answer."""

from __future__ import annotations

from typing import Any

from platehost.reading import Plate, Reading, Registration, Vehicle
from platehost.regions import spaced
from platehost.renderings.boxes import whole_pixels
from platehost.renderings.vehicles import UNKNOWN, best_colours, best_models

# A guess of the picture from this score on is told.
LIKELY = 0.5


def render(reading: Reading) -> dict[str, Any]:
    """The body of a successful answer. A reading without plates is an error in this API: the face checks before."""
    return {"success": True, "results": [_result(plate, reading) for plate in reading.plates]}


def _result(plate: Plate, reading: Reading) -> dict[str, Any]:
    xmin, ymin, xmax, ymax = whole_pixels(plate.box, reading.width, reading.height)
    region = plate.region.code if plate.region else None
    return {
        "plate": spaced(plate.text, region),
        "confidence": round(plate.score, 3),
        "region": region,
        "bounding_box": {"x": xmin, "y": ymin, "width": xmax - xmin, "height": ymax - ymin},
        "vehicle": vehicle_of(plate),
    }


def vehicle_of(plate: Plate) -> dict[str, Any]:
    """What a register says of the vehicle, otherwise what the picture shows; what is not known is left out.

    `source` and `model` are our own: the name of the register, or `picture`.
    """
    registration = plate.registration or (_seen(plate.vehicle) if plate.vehicle else None)
    return registration.known() if registration else {}


def _seen(vehicle: Vehicle) -> Registration:
    """What the picture shows, where it is likelier right than wrong: this API has no score to say how sure it is."""
    model = next((each for each in best_models(vehicle) if each.score >= LIKELY), None)
    colour = next((each.name.capitalize() for each in best_colours(vehicle) if each.score >= LIKELY), UNKNOWN)
    known = model is not None and UNKNOWN not in (model.make, model.model)
    return Registration(
        source="picture",
        make=model.make if model and model.make != UNKNOWN else None,
        model=model.model if model and known else None,
        colour=colour if colour != UNKNOWN else None,
        year=model.year if model and known else None,
    )
