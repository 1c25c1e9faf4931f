"""What a picture shows of a vehicle, in the order that the APIs share: the best three of each."""

from __future__ import annotations

from collections.abc import Sequence

from platehost.reading import Colour, Model, Orientation, Vehicle

BEST = 3
UNKNOWN = "Unknown"

# Degrees counter-clockwise from the right edge of the picture. A vehicle that shows its front comes towards the camera,
# which is down in the picture. Which way a turning one goes is not told by one picture.
_DEGREES = {"Front": 270, "Rear": 90}


def best_models(vehicle: Vehicle | None) -> Sequence[Model]:
    return vehicle.models[:BEST] if vehicle else ()


def best_years(vehicle: Vehicle | None) -> Sequence[tuple[int, float]]:
    """Model years, each with the sum of the scores of its models; empty where no model has one."""
    scores: dict[int, float] = {}
    for each in vehicle.models if vehicle else ():
        if each.year is not None:
            scores[each.year] = min(1.0, scores.get(each.year, 0.0) + each.score)
    return sorted(scores.items(), key=lambda year: -year[1])[:BEST]


def best_colours(vehicle: Vehicle | None) -> Sequence[Colour]:
    return vehicle.colours[:BEST] if vehicle else ()


def best_orientations(vehicle: Vehicle | None) -> Sequence[Orientation]:
    return vehicle.orientations[:BEST] if vehicle else ()


def direction_of(vehicle: Vehicle | None) -> tuple[int | None, float]:
    """Where the vehicle goes, in degrees counter-clockwise from the picture's right edge, and how sure that is.

    Told by the side that shows alone: as if it goes forwards, straight towards the camera or away. None and 0 where no
    side is known.
    """
    for best in best_orientations(vehicle)[:1]:
        if best.name in _DEGREES:
            return _DEGREES[best.name], best.score
    return None, 0.0
