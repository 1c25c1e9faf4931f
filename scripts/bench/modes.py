"""What a whole photo costs in each mode, all that its options ask for included: the part of `core.py` that runs in a
process of its own, on one thread. Processor time, in which load beside it shows less than in time by the clock; means
over the pictures of the best of the rounds.
"""

from __future__ import annotations

import statistics
import time
from pathlib import Path
from typing import Any

from vehicles import open_engine

MODES = ("default", "fast")

Figures = dict[str, Any]


def cost(pack: Path, folder: Path, rounds: int) -> Figures:
    """Milliseconds a photo by mode, of the JPEGs in `folder`."""
    import core_rs

    engine = open_engine(pack)
    files = [path.read_bytes() for path in sorted(folder.glob("*.jpg"))]
    options = {mode: core_rs.Options(mode=mode) for mode in MODES}

    def spent(image: bytes, mode: str) -> float:
        before = time.process_time()
        [answer] = engine.recognise([image], [options[mode]])
        if isinstance(answer, core_rs.CoreError):
            raise answer
        return (time.process_time() - before) * 1000

    best: dict[str, list[float]] = {mode: [] for mode in MODES}
    for image in files:
        runs = [{mode: spent(image, mode) for mode in MODES} for _ in range(rounds + 1)]
        for mode in MODES:
            best[mode].append(min(run[mode] for run in runs[1:]))  # the first call warms caches
    return {mode: round(statistics.mean(ms), 2) for mode, ms in best.items()}


def show(figures: Figures) -> None:
    print(
        "a photo, processor time on one thread, ms" + "".join(f"{mode:>12} {ms:7.2f}" for mode, ms in figures.items())
    )
