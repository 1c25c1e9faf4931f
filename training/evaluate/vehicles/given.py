"""Vehicles as given: what a pack's networks tell of each label's own box, or of the whole picture without one."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from training.evaluate.blur import opened
from training.evaluate.vehicles.judge import TOP, Guess, ModelGuess, Pair, Vehicle
from training.evaluate.vehicles.labels import VehicleLabel
from training.evaluate.vehicles.stages import BATCH, Array, Head, Network, manifest
from training.vehicle.classes import UNKNOWN_MODEL

Ran = tuple[Network, dict[str, Array]]
ATTRIBUTES, MAKE_MODEL = "vehicle_attributes", "make_model"


@dataclass(frozen=True)
class Given:
    """Labels and the two networks' probabilities, a row a label; None for a network that is not there."""

    labels: Sequence[VehicleLabel]
    attributes: Ran | None
    makes: Ran | None

    def pairs(self, *, make_model: bool) -> list[Pair]:
        """Each label and what is told of it, with the make-model pack or without."""
        makes = self.makes if make_model else None
        return [(label, _vehicle(n, self.attributes, makes)) for n, label in enumerate(self.labels)]


def given(folder: Path, labels: Sequence[VehicleLabel], pack: Path, make_model: Path | None) -> Given:
    """Runs the networks of both packs. Raises FolderError."""
    attributes = Network(pack, ATTRIBUTES, ["type", "colour", "orientation"]) if ATTRIBUTES in manifest(pack) else None
    makes = Network(make_model, MAKE_MODEL, ["model", "type"]) if make_model else None
    told: dict[Network, list[dict[str, Array]]] = {each: [] for each in (attributes, makes) if each}
    for at in range(0, len(labels), BATCH):
        cuts = []
        for label in labels[at : at + BATCH]:
            picture = opened(folder / label.file)
            cuts.append((picture, label.box or (0.0, 0.0, float(picture.width), float(picture.height))))
        for network, parts in told.items():
            parts.append(network(cuts))
    whole = {
        network: {name: np.concatenate([part[name] for part in parts]) for name in network.heads}
        for network, parts in told.items()
    }
    return Given(
        labels, (attributes, whole[attributes]) if attributes else None, (makes, whole[makes]) if makes else None
    )


def _vehicle(n: int, attributes: Ran | None, makes: Ran | None) -> Vehicle:
    guesses: dict[str, Guess] = {}
    if attributes:
        network, told = attributes
        for name, head in network.heads.items():
            shares = dict(zip(head.classes, map(float, told[name][n]), strict=True))
            if name == "type" and makes and "type" in makes[0].heads:
                shares = _averaged(shares, makes[0].heads["type"], makes[1]["type"][n])
            best = max(shares, key=lambda each: shares[each])
            guesses[name] = Guess(best, shares[best], shares[best] >= head.least)
    return Vehicle(
        None,
        1.0,
        guesses.get("type"),
        guesses.get("colour"),
        guesses.get("orientation"),
        *(models(makes[0].heads["model"], makes[1]["model"][n]) if makes else (None, ())),
    )


def models(head: Head, shares: Array) -> tuple[tuple[ModelGuess, ...], tuple[ModelGuess, ...]]:
    """The three likeliest, and what of it the core answers: classes that differ in the year alone count together; all
    three where the first is sure enough; else the likeliest make, where all its models together are; else nothing.
    """
    found: dict[tuple[str, str], ModelGuess] = {}
    makes: defaultdict[str, float] = defaultdict(float)
    for at in np.argsort(-shares, kind="stable"):
        (make, model, year), score = head.classes[at], float(shares[at])
        model = "" if model == UNKNOWN_MODEL else model
        known = found.get((make, model))
        found[make, model] = (
            replace(known, score=known.score + score) if known else ModelGuess(make, model, year, score)
        )
        makes[make] += score
    ranked = tuple(sorted(found.values(), key=lambda each: -each.score)[:TOP])
    if ranked[0].score >= head.least:
        return ranked, ranked
    make = max(makes, key=lambda each: makes[each])
    return ranked, (ModelGuess(make, "", "", makes[make]),) if makes[make] >= head.least else ()


def _averaged(shares: dict[str, float], head: Head, others: Array) -> dict[str, float]:
    """The mean of both networks' probabilities, by the names of their types, as the core does it."""
    theirs = dict(zip(head.classes, map(float, others), strict=True))
    return {name: (share + theirs.get(name, 0.0)) / 2 for name, share in shares.items()}
