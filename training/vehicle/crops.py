"""Labelled vehicles for training: cuts of `vehicles.csv` and of train photos, with what is known of each.

Only rows of split `train`; the attributes learn from class `permissive` alone, the make-model pack from the
non-commercial set, too.
"""

import csv
import json
import zlib
from collections import Counter, defaultdict
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from training.detector.photos import overlap
from training.folders import ROOT
from training.vehicle.classes import COLOUR_WORDS, ORIENTATION_WORDS, TYPE_WORDS, UNKNOWN_MODEL

LABELS = ROOT / "training/labels/vehicles.csv"
LONG_SIDE = 176
AROUND = 0.12  # of the box's sides, kept on every side so that the cut may move
RARE_MAKE = 8  # a make with fewer examples than this gets no class of its own

Label = tuple[str, ...]


@dataclass(frozen=True)
class Crop:
    """image: uint8 BGR [h, w, 3]; box: the vehicle in it, x1, y1, x2, y2; labels: by property, the classes of which one
    is true; a property that is missing is not known."""

    image: NDArray[np.uint8]
    box: tuple[float, float, float, float]
    labels: dict[str, Label]
    name: str


def held_out(crop: Crop) -> bool:
    """One in ten teaches nothing, so that it can tell how far the scores are to be trusted (calibrate.py)."""
    return zlib.crc32(crop.name.encode()) % 10 == 0


def model_classes(data: Path) -> list[tuple[str, str, str]]:
    """Make, model and year of each class, sorted; the year where all examples share it, else empty. A make known
    without models has the class (make, Unknown, ""), where it has examples enough.
    """
    years: dict[tuple[str, str], Counter[str]] = defaultdict(Counter)
    bare: Counter[str] = Counter()
    for row in _rows(data):
        if row["make"] and row["model"]:
            years[row["make"], row["model"]][_year(row["year"])] += 1
        elif row["make"]:
            bare[row["make"]] += 1
    classes = [(*name, next(iter(found)) if len(found) == 1 else "") for name, found in years.items()]
    known = {make for make, _, _ in classes}
    classes += [(make, UNKNOWN_MODEL, "") for make, n in bare.items() if n >= RARE_MAKE or (make in known and n > 1)]
    return sorted(classes)


def load(data: Path, *, noncommercial: bool = False) -> list[Crop]:
    """All crops that may teach; without `noncommercial` those of class `permissive` alone."""
    main = _main_vehicles(data)
    models: dict[str, list[str]] = defaultdict(list)
    for make, model, _ in model_classes(data):
        models[make].append(f"{make}|{model}")
    crops = []
    for row in _rows(data):
        if row["licence_class"] != "permissive" and not (noncommercial and row["licence_class"] == "noncommercial"):
            continue
        labels = {
            "type": TYPE_WORDS.get(row["type"]),
            "colour": COLOUR_WORDS.get(row["colour"]),
            "orientation": ORIENTATION_WORDS.get(row["orientation"]),
            "model": (f"{row['make']}|{row['model']}",) if row["model"] else tuple(models[row["make"]]),
        }
        known = {name: label for name, label in labels.items() if label}
        if not known:
            continue
        box = [float(row[k]) for k in ("x1", "y1", "x2", "y2")] if row["x1"] else main.get(row["image"])
        # The box of a make-model row is the crop's whole picture.
        crops.append(_crop(data / row["image"], None if row["model"] else box, known))
    return crops + _read_by_eye(data)


def _read_by_eye(data: Path) -> list[Crop]:
    """Vehicles in train photos whose type, colour and side were read from contact sheets."""
    crops = []
    with LABELS.open() as table:
        for row in csv.DictReader(table):
            labels = {
                "type": TYPE_WORDS.get(row["type"].lower()),
                "colour": COLOUR_WORDS.get(row["colour"]),
                "orientation": ORIENTATION_WORDS.get(row["orientation"]),
            }
            known = {name: label for name, label in labels.items() if label}
            if known:
                box = [float(row[k]) for k in ("x1", "y1", "x2", "y2")]
                crops.append(_crop(data / row["photo"], box, known))
    return crops


def _rows(data: Path) -> list[dict[str, str]]:
    with (data / "vehicles.csv").open() as table:
        return [row for row in csv.DictReader(table) if row["split"] == "train"]


def _year(written: str) -> str:
    return "".join(c for c in written if c.isdigit())


def _main_vehicles(data: Path) -> dict[str, list[float]]:
    """The largest vehicle that the teachers see in each train photo, when it is sure and fills a good part of it."""
    found = {}
    with (data / "pseudo.jsonl").open() as lines:
        for line in lines:
            entry = json.loads(line)
            boxes = [each["box"] for each in entry["vehicles"] if each["by"] == "0202" and each["score"] >= 0.9]
            if boxes:
                found[entry["photo"]] = max(boxes, key=lambda b: (b[2] - b[0]) * (b[3] - b[1]))
    return found


def _crop(path: Path, box: list[float] | None, labels: dict[str, Label]) -> Crop:
    image = cv2.imread(str(path), cv2.IMREAD_COLOR)
    h, w = image.shape[:2]
    x1, y1, x2, y2 = box if box and overlap(box, [0, 0, w, h]) > 0.3 else [0.0, 0.0, float(w), float(h)]
    x1, y1, x2, y2 = max(0.0, x1), max(0.0, y1), min(float(w), x2), min(float(h), y2)
    dx, dy = AROUND * (x2 - x1), AROUND * (y2 - y1)
    left, top = max(0, int(x1 - dx)), max(0, int(y1 - dy))
    right, bottom = min(w, int(np.ceil(x2 + dx))), min(h, int(np.ceil(y2 + dy)))
    cut = image[top:bottom, left:right]
    scale = min(1.0, LONG_SIDE / max(cut.shape[:2]))
    if scale < 1:
        cut = cv2.resize(cut, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    inner = tuple((np.array([x1 - left, y1 - top, x2 - left, y2 - top]) * scale).tolist())
    return Crop(np.ascontiguousarray(cut), inner, labels, path.name)
