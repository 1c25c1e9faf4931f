"""A reading as the NPR API's answer."""

from __future__ import annotations

from typing import Any

from platehost.reading import Plate, Reading
from platehost.regions import spaced
from platehost.renderings.boxes import whole_pixels


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
        # Keys that are not known are left out; the object itself is always there.
        "vehicle": {},
    }
