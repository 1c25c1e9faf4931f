"""The measures: which detection covers which plate, and how near a reading comes to a label.

The definitions are those of the shared data's own scorer (tools/score.py there), so that both give the same figures.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from training.evaluate.labels import Box, Label

LEAST_IOU = 0.5


@dataclass(frozen=True)
class Found:
    """One plate that a pack found. box: x1, y1, x2, y2 in pixels, None in a crop. region: code and score, or None."""

    box: Box | None
    text: str
    score: float
    dscore: float = 1.0
    region: tuple[str, float] | None = None


@dataclass(frozen=True)
class Judged:
    """A label and what was found of it; None where no detection covers the plate."""

    label: Label
    found: Found | None

    @property
    def reading(self) -> str:
        return normalised(self.found.text) if self.found else ""

    @property
    def right(self) -> bool:
        return self.reading == self.label.text


class Scene:
    """The labels of one photo and all that was found in it, whatever its score. unlabelled: boxes of plates in it that
    nobody labelled (`training.evaluate.unlabelled`).
    """

    def __init__(self, labels: Sequence[Label], found: Sequence[Found], unlabelled: Sequence[Box] = ()) -> None:
        self.labels = labels
        self.unlabelled = unlabelled
        self.found = sorted(found, key=lambda plate: -plate.dscore)
        pairs = [
            (iou(label.box, plate.box), i, j)
            for i, label in enumerate(labels)
            for j, plate in enumerate(self.found)
            if label.box and plate.box
        ]
        self._pairs = sorted((pair for pair in pairs if pair[0] >= LEAST_IOU), reverse=True)

    def judged(self, threshold: float) -> tuple[list[Judged], list[Found]]:
        """Each label with the detection that covers it, best overlap first, one detection to one plate; and the
        detections that cover none. Detections under `threshold` are left out.
        """
        kept = sum(plate.dscore >= threshold for plate in self.found)
        match: dict[int, int] = {}
        used: set[int] = set()
        for _, i, j in self._pairs:
            if j < kept and i not in match and j not in used:
                match[i] = j
                used.add(j)
        judged = [Judged(label, self.found[match[i]] if i in match else None) for i, label in enumerate(self.labels)]
        return judged, [plate for j, plate in enumerate(self.found[:kept]) if j not in used]

    def on_unlabelled(self, found: Found) -> bool:
        """Whether a detection that covers no label lies on a plate that nobody labelled."""
        return found.box is not None and any(iou(found.box, box) >= LEAST_IOU for box in self.unlabelled)


@dataclass
class Counts:
    """Sums of one group of plates, and the rates from them (None where there is nothing to divide by)."""

    plates: int = 0
    detected: int = 0
    detections: int = 0
    hits: int = 0
    texts: int = 0
    exact: int = 0
    merged: int = 0
    edits: int = 0
    characters: int = 0

    def add_label(self, judged: Judged) -> None:
        label, reading = judged.label, judged.reading
        self.plates += 1
        self.detected += judged.found is not None
        if label.readable:
            self.texts += 1
            self.exact += judged.right
            self.merged += merged(label.text) == merged(reading)
            self.edits += edits(reading, label.text)
            self.characters += len(label.text)

    def add_detections(self, detections: int, hits: int) -> None:
        self.detections += detections
        self.hits += hits

    def rates(self) -> dict[str, float | int | None]:
        return {
            "plates": self.plates,
            "det50": share(self.detected, self.plates),
            "precision": share(self.hits, self.detections),
            "detections": self.detections,
            "texts": self.texts,
            "exact": share(self.exact, self.texts),
            "interval": wilson(self.exact, self.texts),
            "merged": share(self.merged, self.texts),
            "cer": share(self.edits, self.characters),
        }


@dataclass
class Outcome:
    """What became of a set of plates at one threshold. false: file and detection of each box that covers no label;
    unlabelled: how many of these lie on plates all the same.
    """

    judged: list[Judged] = field(default_factory=list)
    false: list[tuple[str, Found]] = field(default_factory=list)
    unlabelled: int = 0


def outcome(scenes: Iterable[Scene], threshold: float) -> Outcome:
    whole = Outcome()
    for scene in scenes:
        judged, false = scene.judged(threshold)
        whole.judged += judged
        whole.false += [(scene.labels[0].file, plate) for plate in false]
        whole.unlabelled += sum(map(scene.on_unlabelled, false))
    return whole


def normalised(text: str) -> str:
    return re.sub(r"[^A-Z0-9]", "", text.upper())


def merged(text: str) -> str:
    """The text with O written 0 and I written 1, which many plates do not tell apart."""
    return text.replace("O", "0").replace("I", "1")


def iou(a: Box, b: Box) -> float:
    """Area that two boxes share over the area that they cover together."""
    w, h = min(a[2], b[2]) - max(a[0], b[0]), min(a[3], b[3]) - max(a[1], b[1])
    if w <= 0 or h <= 0:
        return 0.0
    return w * h / ((a[2] - a[0]) * (a[3] - a[1]) + (b[2] - b[0]) * (b[3] - b[1]) - w * h)


def edits(a: str, b: str) -> int:
    """Levenshtein distance."""
    row = list(range(len(b) + 1))
    for i, ca in enumerate(a, 1):
        left, row[0] = row[0], i
        for j, cb in enumerate(b, 1):
            left, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, left + (ca != cb))
    return row[-1]


def share(part: int, whole: int) -> float | None:
    return part / whole if whole else None


def wilson(right: int, n: int, z: float = 1.96) -> float | None:
    """Half of the 95 % interval of a share (E. B. Wilson, 1927)."""
    if not n:
        return None
    p = right / n
    return z * math.sqrt(p * (1 - p) / n + z * z / (4 * n * n)) / (1 + z * z / n)
