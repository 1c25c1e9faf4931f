"""Vehicles by the whole pipeline: what the service's own core finds in each picture and tells of it."""

from __future__ import annotations

import sys
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import core_rs
from training.evaluate.labels import Box, Label
from training.evaluate.metrics import LEAST_IOU, iou
from training.evaluate.runner import BATCH
from training.evaluate.vehicles.judge import Guess, ModelGuess, Pair, Vehicle, covered, main_vehicle
from training.evaluate.vehicles.labels import VehicleLabel
from training.vehicle.classes import UNKNOWN_MODEL

NOWHERE: Box = (0.0, 0.0, 0.0, 0.0)
NONE = ("", "unknown")  # answers that tell nothing, in lower case


@dataclass
class Seen:
    """pairs: each label and the vehicle that was found for it. covered: the labels whose box a vehicle covers. shown:
    those in whose picture there is a vehicle at all. others: file and vehicle that covers no label of a scene. tied:
    whether a labelled plate that was found is told to be on its own vehicle.
    """

    pairs: list[Pair] = field(default_factory=list)
    covered: set[VehicleLabel] = field(default_factory=set)
    shown: set[VehicleLabel] = field(default_factory=set)
    others: list[tuple[str, Vehicle]] = field(default_factory=list)
    tied: list[bool] = field(default_factory=list)
    failed: list[str] = field(default_factory=list)


def seen(
    engine: core_rs.Engine,
    folder: Path,
    labels: Sequence[VehicleLabel],
    plates: Sequence[tuple[Label, VehicleLabel]],
    stages: Mapping[str, bool],
    overrides: Mapping[str, Any],
) -> Seen:
    """Runs all pictures. plates: labelled plates, each with its vehicle. stages: which properties the packs tell at
    all, by the names of `Vehicle`.
    """
    by_file: dict[str, list[VehicleLabel]] = defaultdict(list)
    for label in labels:
        by_file[label.file].append(label)
    files, whole = list(by_file), Seen()
    options = core_rs.Options(**{"threshold_o": 0.0, "mmc": True, "detection_mode": "vehicle", **overrides})
    for at in range(0, len(files), BATCH):
        batch = files[at : at + BATCH]
        answers = engine.recognise([(folder / file).read_bytes() for file in batch], [options] * len(batch))
        for file, answer in zip(batch, answers, strict=True):
            if isinstance(answer, core_rs.CoreError):
                whole.failed.append(file)
                print(f"{file}: {answer.code}: {answer}", file=sys.stderr)
                add(whole, by_file[file], [])
                continue
            add(whole, by_file[file], [told(each, stages) for each in answer.vehicles])
            own = [(plate, vehicle) for plate, vehicle in plates if plate.file == file]
            found = [
                (plate.box, None if plate.vehicle is None else answer.vehicles[plate.vehicle].box)
                for plate in answer.plates
            ]
            whole.tied += tied(own, found)
    return whole


def add(whole: Seen, labels: Sequence[VehicleLabel], found: Sequence[Vehicle]) -> None:
    """Judges one picture. In a scene a label's vehicle is the one that covers its box, else it is the largest one."""
    boxed = [label for label in labels if label.box]
    boxes = [each.box or NOWHERE for each in found]
    match = covered([label.box or NOWHERE for label in boxed], boxes)
    by_label = {boxed[i]: found[j] for i, j in match.items()}
    whole.covered |= set(by_label)
    for label in labels:
        whole.pairs.append((label, by_label.get(label) if label.scene else main_vehicle(found)))
        if found:
            whole.shown.add(label)
    if any(label.scene for label in labels):
        whole.others += [(labels[0].file, each) for j, each in enumerate(found) if j not in match.values()]


def tied(plates: Sequence[tuple[Label, VehicleLabel]], found: Sequence[tuple[Box, Box | None]]) -> list[bool]:
    """found: boxes of plates and of their vehicles. Of each labelled plate that was found: whether its vehicle is the
    labelled one.
    """
    match = covered([plate.box or NOWHERE for plate, _ in plates], [box for box, _ in found])
    return [
        carrier is not None and iou(plates[i][1].box or NOWHERE, carrier) >= LEAST_IOU
        for i, j in sorted(match.items())
        for carrier in [found[j][1]]
    ]


def told(vehicle: core_rs.VehicleReading, stages: Mapping[str, bool]) -> Vehicle:
    """The core's answer as a `Vehicle`."""
    models = tuple(
        ModelGuess(make, "" if model == UNKNOWN_MODEL else model, str(year or ""), score)
        for make, model, year, score in vehicle.models
    )
    return Vehicle(
        vehicle.box,
        vehicle.score,
        _guess([(vehicle.type, vehicle.type_score)]) if stages["type"] else None,
        _guess(vehicle.colours) if stages["colour"] else None,
        _guess(vehicle.orientations) if stages["orientation"] else None,
        models if stages["models"] else None,
        models,
    )


def _guess(answer: Sequence[tuple[str, float]]) -> Guess:
    if not answer or answer[0][0].lower() in NONE:
        return Guess()
    return Guess(answer[0][0], answer[0][1], True)
