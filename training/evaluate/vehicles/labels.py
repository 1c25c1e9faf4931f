"""Labelled vehicles of a folder: its table vehicles.csv, whole photos with boxes and vehicles cut out."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from PIL import Image

from training.evaluate.labels import SIDES, Box, FolderError, Label, rows

TABLE = "vehicles.csv"
WORDS = ("type", "colour", "orientation", "make", "model", "year")
NONCOMMERCIAL = "noncommercial"
USUAL = (0.5, 0.65)  # where plates are in a vehicle's box, as shares of its sides
EDGE = 1.0  # pixels: a box that stays nearer than this to all four edges is the picture itself


@dataclass(frozen=True)
class VehicleLabel:
    """One labelled vehicle.

    file: the picture, relative to the folder. box: x1, y1, x2, y2 in pixels of the stored picture; None where the
    picture is of this vehicle and nobody drew a box. scene: the box is a part of a larger photo. The words are the
    table's own; empty where it tells nothing.
    """

    file: str
    box: Box | None
    scene: bool
    type: str
    colour: str
    orientation: str
    make: str
    model: str
    year: str
    source: str
    commercial: bool


def load_vehicles(folder: Path, split: str) -> list[VehicleLabel]:
    """The rows of `split` in the table's order; none where there is no table. Raises FolderError."""
    path = folder / TABLE
    if not path.exists():
        return []
    found = []
    for line, row in rows(path, ["image", "split", *SIDES, *WORDS, "source", "licence_class"]):
        if row["split"] != split:
            continue
        place = f"{path}, line {line}"
        try:
            with Image.open(folder / row["image"]) as picture:  # the header alone
                size = picture.size
        except OSError as error:
            raise FolderError(f"{place}, column 'image': {folder / row['image']} cannot be read: {error}.") from error
        box = _box(row, place)
        found.append(
            VehicleLabel(
                row["image"],
                box,
                box is not None and not _whole(box, size),
                **{word: row[word].strip() for word in WORDS},
                source=row["source"],
                commercial=row["licence_class"] != NONCOMMERCIAL,
            )
        )
    return found


def carriers(vehicles: Sequence[VehicleLabel], plates: Sequence[Label]) -> list[tuple[Label, VehicleLabel]]:
    """Each labelled plate in a scene and its vehicle: of the boxes that hold the plate's centre the one that has it
    nearest to where plates are. Boxes of cars side by side overlap, and the smallest is often of a car behind.
    """
    scenes: dict[str, list[tuple[Box, VehicleLabel]]] = defaultdict(list)
    for each in vehicles:
        if each.scene and each.box:
            scenes[each.file].append((each.box, each))
    found = []
    for plate in plates:
        if plate.box:
            x, y = (plate.box[0] + plate.box[2]) / 2, (plate.box[1] + plate.box[3]) / 2
            around = [(_from_usual(box, x, y), n) for n, (box, _) in enumerate(scenes[plate.file]) if holds(box, x, y)]
            if around:
                found.append((plate, scenes[plate.file][min(around)[1]][1]))
    return found


def _from_usual(box: Box, x: float, y: float) -> float:
    across, down = (x - box[0]) / (box[2] - box[0]), (y - box[1]) / (box[3] - box[1])
    return math.hypot(across - USUAL[0], down - USUAL[1])


def area(box: Box | None) -> float:
    """Square pixels, 0 for no box."""
    return 0.0 if box is None else (box[2] - box[0]) * (box[3] - box[1])


def holds(box: Box, x: float, y: float) -> bool:
    return box[0] <= x <= box[2] and box[1] <= y <= box[3]


def _box(row: dict[str, str], place: str) -> Box | None:
    if not any(row[side] for side in SIDES):
        return None
    try:
        x1, y1, x2, y2 = (float(row[side]) for side in SIDES)
    except ValueError:
        x1 = math.nan
    if not math.isfinite(x1) or not all(map(math.isfinite, (y1, x2, y2))):
        raise FolderError(f"{place}, columns 'x1' to 'y2': a side is no number of pixels; give four, or none.")
    if x2 <= x1 or y2 <= y1:
        raise FolderError(f"{place}, columns 'x1' to 'y2': the box is empty; x2 > x1 and y2 > y1.")
    return x1, y1, x2, y2


def _whole(box: Box, size: tuple[int, int]) -> bool:
    return max(box[0], box[1], size[0] - box[2], size[1] - box[3]) < EDGE
