"""Which found vehicle is a label's, and whether what is told of it is right."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from training.evaluate.labels import Box
from training.evaluate.metrics import LEAST_IOU, iou
from training.evaluate.vehicles import words
from training.evaluate.vehicles.labels import VehicleLabel, area

TOP = 3  # as many as an answer holds


@dataclass(frozen=True)
class Guess:
    """The likeliest class and its probability. answered: that is enough to say it; else the answer is Unknown.

    The whole pipeline keeps back what it does not answer: there `best` is empty.
    """

    best: str = ""
    score: float = 0.0
    answered: bool = False


@dataclass(frozen=True)
class ModelGuess:
    """year: empty where it is not told; so is the model where the make alone is."""

    make: str
    model: str
    year: str
    score: float


@dataclass(frozen=True)
class Vehicle:
    """What was told of one vehicle. A property is None where the pack has no stage for it.

    box: x1, y1, x2, y2 in pixels, None where it was given. models: the three likeliest, best first, whatever their
    scores; said: what of it is answered, perhaps a make without a model, perhaps nothing.
    """

    box: Box | None
    score: float
    type: Guess | None
    colour: Guess | None
    orientation: Guess | None
    models: tuple[ModelGuess, ...] | None
    said: tuple[ModelGuess, ...] = ()


@dataclass(frozen=True)
class Told:
    """One property of one labelled vehicle.

    best: the likeliest, empty where nothing was told. answered: whether it is said. right: whether the answer is the
    truth; hit: whether it would be if all were answered.
    """

    label: VehicleLabel
    truth: str
    best: str = ""
    score: float = 0.0
    answered: bool = False
    right: bool = False
    hit: bool = False


Pair = tuple[VehicleLabel, Vehicle | None]


def covered(labels: Sequence[Box], found: Sequence[Box]) -> dict[int, int]:
    """For each label's place the place of the box that covers it, best overlap first, one box to one label."""
    pairs = sorted(
        ((iou(label, box), i, j) for i, label in enumerate(labels) for j, box in enumerate(found)), reverse=True
    )
    match: dict[int, int] = {}
    for overlap, i, j in pairs:
        if overlap >= LEAST_IOU and i not in match and j not in match.values():
            match[i] = j
    return match


def main_vehicle(vehicles: Sequence[Vehicle]) -> Vehicle | None:
    """The largest one: what a picture of one vehicle shows."""
    return max((each for each in vehicles if each.box), key=lambda each: area(each.box), default=None)


def _guessed(of: Callable[[Vehicle], Guess | None], truth_of: Callable[[VehicleLabel], str]) -> Callable[[Pair], Told]:
    def told(pair: Pair) -> Told:
        label, vehicle = pair
        truth, guess = truth_of(label), (of(vehicle) if vehicle else None) or Guess()
        hit = words.meets(guess.best, truth)
        return Told(label, truth, guess.best, guess.score, guess.answered, guess.answered and hit, hit)

    return told


def _among(
    key: Callable[[ModelGuess], str], truth_of: Callable[[VehicleLabel], str], top: int, *, added: bool = False
) -> Callable[[Pair], Told]:
    """Judges the first `top` models by their `key`. `added`: the scores of all that share the first one's key count."""

    def told(pair: Pair) -> Told:
        label, vehicle = pair
        truth = truth_of(label)
        models = vehicle.models if vehicle else None
        if not vehicle or not models:
            return Told(label, truth)
        first = next((each for each in vehicle.said if key(each)), models[0])
        best = key(first)
        score = sum(each.score for each in vehicle.said or models if added and key(each) == best) or first.score
        said = [key(each) for each in vehicle.said[:top] if key(each)]
        hit = truth in said or truth in [key(each) for each in models[:top]]
        return Told(label, truth, best, score, bool(said), truth in said, hit)

    return told


@dataclass(frozen=True)
class Property:
    """told: judges one pair. truth: empty where a label does not tell it. asked: the share that must be right."""

    name: str
    there: Callable[[Vehicle], bool]
    truth: Callable[[VehicleLabel], str]
    told: Callable[[Pair], Told]
    asked: float | None = None


def _property(
    name: str, of: Callable[[Vehicle], Guess | None], truth: Callable[[VehicleLabel], str], asked: float | None = None
) -> Property:
    return Property(name, lambda vehicle: of(vehicle) is not None, truth, _guessed(of, truth), asked)


def _models(
    name: str,
    key: Callable[[ModelGuess], str],
    truth: Callable[[VehicleLabel], str],
    top: int,
    asked: float | None = None,
    *,
    added: bool = False,
) -> Property:
    return Property(
        name, lambda vehicle: vehicle.models is not None, truth, _among(key, truth, top, added=added), asked
    )


def _make(named: ModelGuess | VehicleLabel) -> str:
    return words.make_of(named.make)


def _model(named: ModelGuess | VehicleLabel) -> str:
    """Make and model; empty without a model."""
    return f"{words.make_of(named.make)} {words.plain(named.model)}" if named.model else ""


def _year(named: ModelGuess | VehicleLabel) -> str:
    return words.year_of(named.year)


PROPERTIES = (
    _property("type", lambda v: v.type, lambda label: words.type_of(label.type), 0.85),
    _property("colour", lambda v: v.colour, lambda label: words.colour_of(label.colour), 0.80),
    _property("colour, strict", lambda v: v.colour, lambda label: words.colour_of(label.colour, strict=True)),
    _property("orientation", lambda v: v.orientation, lambda label: words.orientation_of(label.orientation), 0.92),
    _models("make", _make, _make, 1, 0.60, added=True),
    _models("make and model, top 3", _model, _model, TOP, 0.60),
    _models("make and model", _model, _model, 1),
    _models("year", _year, _year, 1),
)
