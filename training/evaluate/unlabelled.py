"""Plates of the `val` photos that nobody labelled: what was found in them and covers no label, judged by eye.

Without them a pack that finds more plates in the background looks less precise. They say nothing of recall, and they
train nothing. A detection that nobody judged counts as false, so precision by eye is a lower bound.
"""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path

from training.evaluate.labels import SIDES, Box, rows
from training.folders import ROOT

TABLE = ROOT / "training/labels/unlabelled.csv"


def load_unlabelled(table: Path = TABLE) -> dict[str, list[Box]]:
    """Boxes x1, y1, x2, y2 in pixels of the stored picture, by photo. Raises FolderError."""
    found: dict[str, list[Box]] = defaultdict(list)
    for _, row in rows(table, ["photo", *SIDES]):
        x1, y1, x2, y2 = (float(row[side]) for side in SIDES)
        found[row["photo"]].append((x1, y1, x2, y2))
    return dict(found)
