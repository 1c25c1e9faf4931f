"""Time per photo, of one pack or of two in turns, on one core.

In turns, because a machine's speed changes while it runs: both packs see each photo within milliseconds, and their
ratio holds where the milliseconds themselves do not.
"""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from pathlib import Path
from statistics import median
from typing import Any

from training.evaluate.runner import Pack

WARM_UP = 5  # photos that are not counted
MOST = 200  # photos


def times(packs: Sequence[Pack], folder: Path, files: Sequence[str]) -> dict[str, Any]:
    """Milliseconds per photo for each pack at its own threshold, over at most 200 photos spread over `files`.

    "ms": median by the clock, with decoding. "cpu_ms": median of the processor's time, which other work on the machine
    disturbs less. "ratio": the first pack's processor time over the second's.
    """
    every = max(1, len(files) // MOST)
    pictures = [(folder / file).read_bytes() for file in files[::every][:MOST]]
    clocks: list[list[float]] = [[] for _ in packs]
    processor: list[list[float]] = [[] for _ in packs]
    cores = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {max(cores)})
    try:
        warm = pictures[:WARM_UP]
        for at, picture in enumerate([*warm, *pictures]):
            turns = range(len(packs)) if at % 2 else reversed(range(len(packs)))
            for turn in turns:
                pack = packs[turn]
                options = [pack.options(pack.threshold)]
                began, began_processor = time.perf_counter(), time.process_time()
                pack.engine.recognise([picture], options)
                if at >= len(warm):
                    processor[turn].append(1000 * (time.process_time() - began_processor))
                    clocks[turn].append(1000 * (time.perf_counter() - began))
    finally:
        os.sched_setaffinity(0, cores)
    found: dict[str, Any] = {
        "photos": len(pictures),
        "packs": [{"ms": median(clock), "cpu_ms": median(cpu)} for clock, cpu in zip(clocks, processor, strict=True)],
    }
    if len(packs) == 2:
        found["ratio"] = sum(processor[0]) / sum(processor[1])
    return found
