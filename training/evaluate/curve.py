"""How many plates are found at which precision, as the detection threshold moves."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from training.evaluate.metrics import Scene, outcome, share

STEPS = tuple(step / 100 for step in (5, 10, 15, 20, 25, 30, 35, 40, 45, 50, 55, 60, 65, 70, 75, 80, 85, 90, 95))
FINE = tuple(step / 200 for step in range(10, 200))
WIDE = 48  # pixels


def point(scenes: Sequence[Scene], threshold: float) -> dict[str, Any]:
    """det50, det50 of plates at least 48 pixels wide, and precision at one threshold: by the labels, and by eye."""
    found = outcome(scenes, threshold)
    covered = [judged for judged in found.judged if judged.found]
    wide = [judged for judged in found.judged if judged.label.width >= WIDE]
    return {
        "threshold_d": threshold,
        "plates": len(found.judged),
        "det50": share(len(covered), len(found.judged)),
        "wide_plates": len(wide),
        "det50_wide": share(sum(judged.found is not None for judged in wide), len(wide)),
        "precision": share(len(covered), len(covered) + len(found.false)),
        "precision_by_eye": share(len(covered) + found.unlabelled, len(covered) + len(found.false)),
        "detections": len(covered) + len(found.false),
    }


def curve(scenes: Sequence[Scene]) -> list[dict[str, Any]]:
    return [point(scenes, step) for step in STEPS]


def at_precision(scenes: Sequence[Scene], precision: float, kind: str = "precision") -> dict[str, Any] | None:
    """The point of most plates whose precision is at least `precision`, to 0.005 of threshold_d; None without one.
    kind: "precision" or "precision_by_eye".
    """
    points = [each for each in (point(scenes, step) for step in FINE) if (each[kind] or 0.0) >= precision]
    return max(points, key=lambda each: (each["det50"], -each["threshold_d"]), default=None)
