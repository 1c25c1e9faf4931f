"""Everything that is measured of one pack on one folder."""

from __future__ import annotations

import sys
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from training.evaluate import breakdown
from training.evaluate.confusions import confusions
from training.evaluate.curve import curve
from training.evaluate.labels import Label
from training.evaluate.metrics import Judged, Outcome, Scene, outcome
from training.evaluate.regions import guided, told
from training.evaluate.reliability import reliability
from training.evaluate.runner import Pack
from training.evaluate.unlabelled import load_unlabelled


@dataclass(frozen=True)
class Evaluation:
    """scenes: by photo, all that was found from the lowest score on. photos: at the pack's threshold; crops: as read.
    figures: all of it as numbers, ready for JSON.
    """

    pack: Pack
    scenes: dict[str, Scene]
    photos: Outcome
    crops: Outcome
    figures: dict[str, Any]


def evaluate(
    pack: Pack, folder: Path, photos: Sequence[Label], crops: Sequence[Label], *, with_regions: bool
) -> Evaluation:
    """Runs `pack` over the pictures of the labels and judges what it gives. `with_regions` reads all again twice."""
    scenes = _scenes(pack, folder, photos)
    whole = outcome(scenes.values(), pack.threshold)
    print(f"{pack.name}: {len(crops)} crops", file=sys.stderr)
    read = dict(pack.crops(folder, sorted({label.file for label in crops})))
    every = [Judged(label, read.get(label.file)) for label in crops]
    cut = Outcome([each for each in every if each.label.readable])
    sent = _sent(pack, folder, [each.label for each in cut.judged])
    judged = [*whole.judged, *cut.judged]
    figures: dict[str, Any] = {
        "pack": pack.name,
        "bytes": pack.size,
        "threshold_d": pack.threshold,
        "mode": pack.mode,
        "options": pack.overrides,
        "failed": len(set(pack.failed)),
        "photos": breakdown.tables(whole),
        "crops": breakdown.tables(cut),
        "crops_as_photos": breakdown.tables(sent),
        "curve": curve(list(scenes.values())) if scenes else [],
        "reliability": {
            "score": reliability(
                [(each.found.score, each.right) for each in judged if each.found and each.label.readable]
            ),
            "dscore": reliability(_detections(scenes)),
        },
        "region": {
            kind: told(rows)
            for kind, rows in (("photos", whole.judged), ("crops", every), ("all", [*whole.judged, *every]))
        },
        "confusions": confusions(judged),
    }
    if with_regions:
        print(f"{pack.name}: the same with `regions` given", file=sys.stderr)
        figures["guided"] = guided(pack, folder, judged, scenes)
    return Evaluation(pack, scenes, whole, cut, figures)


def _scenes(pack: Pack, folder: Path, photos: Sequence[Label]) -> dict[str, Scene]:
    by_photo: dict[str, list[Label]] = defaultdict(list)
    for label in photos:
        by_photo[label.file].append(label)
    print(f"{pack.name}: {len(by_photo)} photos", file=sys.stderr)
    found = dict(pack.photos(folder, list(by_photo)))
    unlabelled = load_unlabelled()
    return {file: Scene(labels, found.get(file, []), unlabelled.get(file, ())) for file, labels in by_photo.items()}


def _sent(pack: Pack, folder: Path, crops: Sequence[Label]) -> Outcome:
    """Crops through the whole pipeline, as people send them; the detection with the highest score counts."""
    best = {
        file: max(found, key=lambda plate: plate.dscore)
        for file, found in pack.photos(folder, sorted({label.file for label in crops}))
        if found
    }
    kept = {file: plate for file, plate in best.items() if plate.dscore >= pack.threshold}
    return Outcome([Judged(label, kept.get(label.file)) for label in crops])


def _detections(scenes: dict[str, Scene]) -> list[tuple[float, bool]]:
    """Score of each detection, and whether it covers a labelled plate."""
    whole = outcome(scenes.values(), 0.0)
    covering = [(each.found.dscore, True) for each in whole.judged if each.found]
    return covering + [(plate.dscore, False) for _, plate in whole.false]
