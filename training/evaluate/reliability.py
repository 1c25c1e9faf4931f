"""Whether scores are chances: of what has a score of about 0.9, about 90 % should be right.

Expected calibration error: the mean distance between the mean score and the share that is right over ten bins of equal
width, weighted by their counts (C. Guo et al., "On Calibration of Modern Neural Networks", 2017).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from training.evaluate.metrics import share

BINS = 10
ABOUT = (0.85, 0.95)  # "about 0.9"


def reliability(scored: Sequence[tuple[float, bool]]) -> dict[str, Any]:
    """`scored`: pairs of a score, 0 to 1, and whether it was right. Bins without any pair are left out."""
    bins = []
    for step in range(BINS):
        inside = [pair for pair in scored if step <= min(int(pair[0] * BINS), BINS - 1) < step + 1]
        if inside:
            bins.append({"from": step / BINS, "to": (step + 1) / BINS, **_means(inside)})
    gaps = sum(each["n"] * abs(each["right"] - each["score"]) for each in bins)
    about = [pair for pair in scored if ABOUT[0] <= pair[0] < ABOUT[1]]
    return {
        "n": len(scored),
        "right": share(sum(right for _, right in scored), len(scored)),
        "ece": gaps / len(scored) if scored else None,
        "about_0.9": _means(about) if about else None,
        "bins": bins,
    }


def _means(pairs: Sequence[tuple[float, bool]]) -> dict[str, Any]:
    n = len(pairs)
    return {"n": n, "score": sum(score for score, _ in pairs) / n, "right": sum(right for _, right in pairs) / n}
