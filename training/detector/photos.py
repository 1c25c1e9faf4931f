"""The real photos that teach the detector: `train` rows of class `permissive`, and what the teachers saw in them
besides.
"""

import csv
import json
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

LONG_SIDE = 640
# The teachers' README: 0202 boxes vehicles well from 0.9 on, but motorcycles; yolox_nano names these and buses well.
SURE_0202 = 0.9
SURE_YOLOX = {"car": 0.6, "bus": 0.5, "truck": 0.5, "motorcycle": 0.4}
PSEUDO_TRUE = 0.4  # the teachers' README: boxes from here on are plates, those from 0.1 on "do not care"


@dataclass(frozen=True)
class Photo:
    """One photo, long side at most 640 pixels.

    image: uint8 BGR [h, w, 3]. boxes: float32 [p, 4] x1, y1, x2, y2 in its pixels. corners: float32 [p, 8], NaN where
    unknown.
    ignore: float32 [q, 4], places that may hold a plate that nobody labelled. vehicles: float32 [v, 4]; doubtful:
    float32 [d, 4], places that may hold a vehicle.
    """

    name: str
    image: NDArray[np.uint8]
    boxes: NDArray[np.float32]
    corners: NDArray[np.float32]
    ignore: NDArray[np.float32]
    vehicles: NDArray[np.float32]
    doubtful: NDArray[np.float32]


def overlap(a: list[float], b: list[float]) -> float:
    """Intersection over the smaller box: two labellers seldom agree on the margin."""
    w, h = min(a[2], b[2]) - max(a[0], b[0]), min(a[3], b[3]) - max(a[1], b[1])
    if w <= 0 or h <= 0:
        return 0.0
    return w * h / max(1e-6, min((a[2] - a[0]) * (a[3] - a[1]), (b[2] - b[0]) * (b[3] - b[1])))


def iou(a: Sequence[float], b: Sequence[float]) -> float:
    w, h = min(a[2], b[2]) - max(a[0], b[0]), min(a[3], b[3]) - max(a[1], b[1])
    if w <= 0 or h <= 0:
        return 0.0
    return float(w * h / ((a[2] - a[0]) * (a[3] - a[1]) + (b[2] - b[0]) * (b[3] - b[1]) - w * h))


def load(shared_data: Path, every: int = 1) -> list[Photo]:
    """All photos that may teach; `every` > 1 takes a part of them, for trying things."""
    rows: dict[str, list[dict[str, str]]] = defaultdict(list)
    barred = set()
    with (shared_data / "photos.csv").open() as table:
        for row in csv.DictReader(table):
            if row["split"] == "train" and row["licence_class"] == "permissive":
                rows[row["photo"]].append(row)
            else:
                barred.add(row["photo"])
    seen = {}
    with (shared_data / "pseudo.jsonl").open() as lines:
        for line in lines:
            entry = json.loads(line)
            seen[entry["photo"]] = entry
    labelled = vehicle_boxes(shared_data)
    photos = []
    for name in sorted(rows)[::every]:
        if name in barred:
            continue
        opinions = seen.get(name, {"plates": [], "vehicles": []})
        vehicles = known_vehicles(labelled.get(name, []), opinions["vehicles"])
        photos.append(read(shared_data / name, rows[name], opinions["plates"], *vehicles))
    return photos


Boxes = list[list[float]]


def vehicle_boxes(shared_data: Path) -> dict[str, Boxes]:
    """Labelled vehicles by photo: rows with a box of split `train` and class `permissive`."""
    boxes: dict[str, Boxes] = defaultdict(list)
    with (shared_data / "vehicles.csv").open() as table:
        for row in csv.DictReader(table):
            if row["split"] == "train" and row["licence_class"] == "permissive" and row["x1"]:
                boxes[row["image"]].append([float(row[k]) for k in ("x1", "y1", "x2", "y2")])
    return boxes


def known_vehicles(labels: Boxes, opinions: list[dict]) -> tuple[Boxes, Boxes]:
    """Vehicles to learn, and places that may hold one: labels, then what the teachers are sure of and no label says."""
    boxes, doubtful = list(labels), []
    for each in sorted(opinions, key=lambda each: each["by"]):  # 0202, the better one, first
        if max((iou(each["box"], box) for box in boxes), default=0) > 0.45:
            continue
        sure = SURE_0202 if each["by"] == "0202" else SURE_YOLOX.get(each.get("type", ""), 1.1)
        # What one teacher puts into another's box may be a part of it or a second vehicle before it.
        within = max((overlap(each["box"], box) for box in boxes), default=0) > 0.6
        (boxes if each["score"] >= sure and not within else doubtful).append(each["box"])
    return boxes, doubtful


def read(path: Path, rows: list[dict[str, str]], opinions: list[dict], vehicles: Boxes, doubtful: Boxes) -> Photo:
    image = cv2.imread(str(path), cv2.IMREAD_COLOR)
    scale = min(1.0, LONG_SIDE / max(image.shape[:2]))
    if scale < 1:
        image = cv2.resize(image, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    boxes, corners, ignore = [], [], []
    for row in rows:
        box = [float(row[k]) for k in ("x1", "y1", "x2", "y2")]
        boxes.append(box)
        known = [float(v) for v in row["corners"].replace(";", ",").replace(" ", ",").split(",") if v]
        corners.append(known if len(known) == 8 else [np.nan] * 8)
    for opinion in opinions:
        if max((overlap(opinion["box"], box) for box in boxes), default=0) > 0.4:
            continue
        if opinion["score"] >= PSEUDO_TRUE:
            boxes.append(opinion["box"])
            corners.append([np.nan] * 8)
        else:
            ignore.append(opinion["box"])
    arrays = ((boxes, 4), (corners, 8), (ignore, 4), (vehicles, 4), (doubtful, 4))
    shaped = [np.array(v, np.float32).reshape(-1, n) * scale for v, n in arrays]
    return Photo(path.name, np.ascontiguousarray(image), *shaped)
