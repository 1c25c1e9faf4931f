"""What a worker found in one picture, as plain frozen records, and their JSON form in the store.

Boxes and corners are in pixels of the upright picture (after EXIF orientation), origin top left.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from platehost.stored import made

Box = tuple[float, float, float, float]
Corner = tuple[float, float]


@dataclass(frozen=True)
class Candidate:
    """One possible text of a plate; `score` is the geometric mean of its characters' probabilities."""

    text: str
    score: float


@dataclass(frozen=True)
class Region:
    """Where a plate is from, such as `gb` or `us-ca`, and how sure that is (0 to 1)."""

    code: str
    score: float


@dataclass(frozen=True)
class Model:
    """One possible make and model of a vehicle, as the picture shows it; either may be `Unknown`."""

    make: str
    model: str
    score: float
    year: int | None = None


@dataclass(frozen=True)
class Colour:
    """One possible colour of a vehicle: black, blue, brown, green, red, silver, white, yellow or unknown."""

    name: str
    score: float


@dataclass(frozen=True)
class Orientation:
    """Which side of a vehicle the picture shows: Front, Rear or Unknown."""

    name: str
    score: float


@dataclass(frozen=True)
class Vehicle:
    """One vehicle: `score` is that of its box, `type_score` that of its type.

    `type` is Big Truck, Bus, Motorcycle, Pickup Truck, Sedan, SUV, Van or Unknown. `models` (three at most), `colours`
    and `orientations` come best first, and are empty where nothing tells.
    """

    type: str
    score: float
    box: Box
    models: tuple[Model, ...] = ()
    colours: tuple[Colour, ...] = ()
    orientations: tuple[Orientation, ...] = ()
    type_score: float = 0.0


@dataclass(frozen=True)
class Registration:
    """What a register says of the vehicle that a plate belongs to; None where it says nothing.

    `source` is the register's name: register (the operator's own), dvla or rdw.
    """

    source: str
    make: str | None = None
    model: str | None = None
    colour: str | None = None
    year: int | None = None
    fuel_type: str | None = None

    def known(self) -> dict[str, Any]:
        """What it says, by name; empty when it says nothing, because a source alone is none."""
        fields = {name: value for name, value in asdict(self).items() if value is not None and name != "source"}
        return {**fields, "source": self.source} if fields else {}


@dataclass(frozen=True)
class Plate:
    """One plate: `box` is x1, y1, x2, y2; `corners` go clockwise from the plate's top left; `text` is A-Z and 0-9."""

    box: Box
    dscore: float
    text: str
    score: float
    candidates: tuple[Candidate, ...] = ()
    corners: tuple[Corner, ...] | None = None
    char_scores: tuple[float, ...] = ()
    region: Region | None = None
    vehicle: Vehicle | None = None
    registration: Registration | None = None


@dataclass(frozen=True)
class Reading:
    """All plates of one picture; `timings` is the core's time for this picture in milliseconds per stage.

    `bare_vehicles` are those without a plate, where they were asked for (`detection_mode` vehicle).
    """

    width: int
    height: int
    plates: tuple[Plate, ...] = ()
    timings: Mapping[str, float] = field(default_factory=dict)
    bare_vehicles: tuple[Vehicle, ...] = ()

    @property
    def processing_ms(self) -> float:
        """The core's time for this picture; in a batch, its share of what was done together."""
        return sum(self.timings.values())


@dataclass(frozen=True)
class Failure:
    """Why a picture has no reading: a stable code of the core or the worker, and a message fit for a client."""

    code: str
    message: str


Outcome = Reading | Failure


def to_json(outcome: Outcome) -> dict[str, Any]:
    """The JSON object that the store keeps: `{"reading": …}` or `{"failure": …}`."""
    return {"reading" if isinstance(outcome, Reading) else "failure": asdict(outcome)}


def from_json(stored: Mapping[str, Any]) -> Outcome:
    """The inverse of `to_json`, also for what another release stored.

    Raises KeyError or TypeError when the object is not of that form.
    """
    if "failure" in stored:
        return made(Failure, stored["failure"])
    fields = dict(stored["reading"])
    fields["plates"] = tuple(_plate(each) for each in fields["plates"])
    fields["bare_vehicles"] = tuple(_vehicle(each) for each in fields.get("bare_vehicles", ()))
    return made(Reading, fields)


def _plate(stored: Mapping[str, Any]) -> Plate:
    fields = dict(stored)
    fields["box"] = tuple(fields["box"])
    fields["candidates"] = tuple(made(Candidate, each) for each in fields["candidates"])
    fields["char_scores"] = tuple(fields["char_scores"])
    if fields["corners"] is not None:
        fields["corners"] = tuple(tuple(each) for each in fields["corners"])
    if fields["region"] is not None:
        fields["region"] = made(Region, fields["region"])
    if fields["vehicle"] is not None:
        fields["vehicle"] = _vehicle(fields["vehicle"])
    # What was stored before registers were asked has no such field.
    if fields.get("registration") is not None:
        fields["registration"] = made(Registration, fields["registration"])
    return made(Plate, fields)


def _vehicle(stored: Mapping[str, Any]) -> Vehicle:
    fields = dict(stored)
    fields["box"] = tuple(fields["box"])
    fields["models"] = tuple(made(Model, each) for each in fields.get("models", ()))
    fields["colours"] = tuple(made(Colour, each) for each in fields.get("colours", ()))
    fields["orientations"] = tuple(made(Orientation, each) for each in fields.get("orientations", ()))
    return made(Vehicle, fields)
