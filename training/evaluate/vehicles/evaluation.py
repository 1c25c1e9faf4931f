"""Everything that is measured of a pack on the labelled vehicles of a folder, with a make-model pack and without."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import core_rs
from training.evaluate.labels import Label
from training.evaluate.metrics import share, wilson
from training.evaluate.vehicles import words
from training.evaluate.vehicles.cost import cost
from training.evaluate.vehicles.figures import properties
from training.evaluate.vehicles.given import ATTRIBUTES, MAKE_MODEL, given
from training.evaluate.vehicles.judge import Pair, Vehicle
from training.evaluate.vehicles.labels import VehicleLabel, carriers
from training.evaluate.vehicles.pipeline import Seen, seen
from training.evaluate.vehicles.stages import manifest

DETECTOR = "vehicle_detector"


@dataclass(frozen=True)
class VehicleEvaluation:
    """figures: ready for JSON. given: as told of the labels' own boxes, by the most packs. missed: labels of scenes
    that no vehicle covers. others: vehicles that cover no label.
    """

    figures: dict[str, Any]
    given: list[Pair] = field(default_factory=list)
    missed: list[VehicleLabel] = field(default_factory=list)
    others: list[tuple[str, Vehicle]] = field(default_factory=list)


def evaluate_vehicles(
    pack: Path,
    make_model: Path | None,
    folder: Path,
    labels: Sequence[VehicleLabel],
    plates: Sequence[Label],
    overrides: Mapping[str, Any],
    *,
    timed: bool,
) -> VehicleEvaluation:
    """plates: those of the same folder's photos, to know which vehicles carry one. Raises FolderError, PackError."""
    header = manifest(pack)["pack"]
    figures: dict[str, Any] = {
        "pack": f"{header['name']} {header['version']}",
        "make_model": str(manifest(make_model)["pack"]["version"]) if make_model else None,
        "known": known(labels, make_model) if make_model else {},
        "options": dict(overrides),
        "ways": {},
    }
    print(f"{figures['pack']}: {len(labels)} vehicles as given", file=sys.stderr)
    as_given = given(folder, labels, pack, make_model)
    carrying = carriers(labels, plates)
    ways = [(False, "without make-model")] + ([(True, "with make-model")] if make_model else [])
    pairs: list[Pair] = []
    last = Seen()
    for with_it, name in ways:
        pairs = as_given.pairs(make_model=with_it)
        figures["ways"][f"as given, {name}"] = {"properties": properties(pairs)}
        if DETECTOR not in manifest(pack):
            continue
        print(f"{figures['pack']}: the whole pipeline, {name}", file=sys.stderr)
        engine = core_rs.Engine(pack, make_model_dir=make_model if with_it else None)
        last = seen(engine, folder, labels, carrying, _stages(pack, make_model if with_it else None), overrides)
        figures["ways"][f"whole pipeline, {name}"] = {
            "properties": properties(last.pairs),
            "boxes": boxes(labels, last, {vehicle for _, vehicle in carrying}),
            "failed": len(last.failed),
        }
        if timed:
            files = list(dict.fromkeys([plate.file for plate in plates] or [label.file for label in labels]))
            figures["ways"][f"whole pipeline, {name}"]["cost"] = cost(engine, folder, files, overrides)
    missed = [label for label in labels if label.scene and label not in last.covered] if last.pairs else []
    return VehicleEvaluation(figures, pairs, missed, last.others)


def known(labels: Sequence[VehicleLabel], make_model: Path) -> dict[str, Any]:
    """How many of the labelled makes, and of the makes with a model, are among the pack's classes at all."""
    classes = manifest(make_model)[MAKE_MODEL]["model"]["classes"]
    makes = {words.make_of(make) for make, _, _ in classes}
    models = {(words.make_of(make), words.plain(model)) for make, model, _ in classes}
    made = [label for label in labels if label.make]
    return {
        "make": _share([words.make_of(label.make) in makes for label in made]),
        "make and model": _share(
            [(words.make_of(label.make), words.plain(label.model)) in models for label in made if label.model]
        ),
    }


def boxes(labels: Sequence[VehicleLabel], found: Seen, carrying: set[VehicleLabel]) -> dict[str, Any]:
    """Of each source, how many labelled boxes are covered, how many that carry a labelled plate, and in how many
    pictures there is a vehicle at all. others: vehicles on no label, for each picture that has scenes.
    """
    sources = {
        source: [label for label in labels if label.source == source]
        for source in sorted({label.source for label in labels})
    }
    scenes = [label for label in labels if label.scene]
    pictures = len({label.file for label in scenes})
    return {
        "scenes": _share([label in found.covered for label in scenes]),
        "plates": _share([label in found.covered for label in scenes if label in carrying]),
        "tied": _share(found.tied),
        "others": share(len(found.others), pictures),
        "sources": {
            source: {
                "boxes": _share([label in found.covered for label in rows if label.box]),
                "pictures": _share([label in found.shown for label in rows]),
            }
            for source, rows in sources.items()
        },
    }


def _share(hits: Sequence[bool]) -> dict[str, Any]:
    return {"n": len(hits), "right": share(sum(hits), len(hits)), "interval": wilson(sum(hits), len(hits))}


def _stages(pack: Path, make_model: Path | None) -> dict[str, bool]:
    attributes = manifest(pack).get(ATTRIBUTES, {})
    types = manifest(make_model).get(MAKE_MODEL, {}) if make_model else {}
    return {
        "type": "type" in attributes or "type" in types,
        "colour": "colour" in attributes,
        "orientation": "orientation" in attributes,
        "models": make_model is not None,
    }
