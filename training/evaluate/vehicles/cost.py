"""What vehicles cost, by the core's own clock, on one core.

A detector that plates and vehicles share costs them nothing here: what its second output adds to the stage `detect`
shows only beside a pack without it.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import mean, median
from typing import Any

import core_rs
from training.evaluate.labels import FolderError

MOST = 100  # photos
WARM_UP = 3
WITHOUT, WITH = ("vehicles", "attributes"), ("attributes", "make_model")  # stages that mmc is without, and has


def cost(
    engine: core_rs.Engine, folder: Path, files: Sequence[str], overrides: Mapping[str, Any]
) -> dict[str, Any] | None:
    """Milliseconds, over at most 100 photos spread over `files`; None where there is none.

    stages: mean of each stage of a photo, without mmc and with it (and `detection_mode` vehicle). photo: what vehicles
    add to a photo without mmc, median and mean; without zoom, which is a second look for plates. vehicle: what mmc
    takes for one vehicle, all vehicles of all photos together.
    """
    files = files[:: max(1, len(files) // MOST)][:MOST]
    if not files:
        return None
    plain = core_rs.Options(**overrides)
    full = core_rs.Options(**{**overrides, "mmc": True, "detection_mode": "vehicle"})
    cores = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {max(cores)})
    try:
        for file in files[:WARM_UP]:
            _one(engine, folder / file, full)
        alone = [_one(engine, folder / file, plain) for file in files]
        told = [_one(engine, folder / file, full) for file in files]
    finally:
        os.sched_setaffinity(0, cores)
    added = [sum(each.timings.get(stage, 0.0) for stage in WITHOUT) for each in alone]
    vehicles = sum(len(each.vehicles) for each in told)
    spent = sum(each.timings.get(stage, 0.0) for each in told for stage in WITH)
    return {
        "photos": len(files),
        "stages": {"plain": _stages(alone), "mmc": _stages(told)},
        "photo": {"median": median(added), "mean": mean(added)},
        "vehicles": vehicles,
        "vehicle": spent / vehicles if vehicles else None,
    }


def _one(engine: core_rs.Engine, path: Path, options: core_rs.Options) -> core_rs.ImageReading:
    (answer,) = engine.recognise([path.read_bytes()], [options])
    if isinstance(answer, core_rs.CoreError):
        raise FolderError(f"{path}: {answer}")
    return answer


def _stages(answers: Sequence[core_rs.ImageReading]) -> dict[str, float]:
    names = dict.fromkeys(name for each in answers for name in each.timings)
    return {name: mean(each.timings.get(name, 0.0) for each in answers) for name in names}
