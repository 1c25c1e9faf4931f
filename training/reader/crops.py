"""Real plates that may teach the reader: labelled `train` rows of class `permissive`, plates of such photos that were
read by eye (training/labels/plates.csv), and what two public readers agree on.
"""

import csv
import json
import random
import re
import zlib
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from training.detector.photos import overlap
from training.folders import ROOT
from training.reader.classes import NO_REGION, region_class, state_class
from training.synthetic.camera import READER_SIZE, Camera

LATIN = re.compile(r"[A-Z0-9]{2,10}")
# An opinion counts from these on (the teachers' README: two agreeing readers are right 987 times of 1,000).
LEAST_BOX, LEAST_TEXT, LEAST_COUNTRY = 0.4, 0.9, 0.8


READ_BY_EYE = ROOT / "training/labels/plates.csv"
Labelled = tuple[list[float], str, int, int]  # box, text, region, state


@dataclass(frozen=True)
class RealPlate:
    """picture: uint8 BGR with room round the plate; box: x1, y1, x2, y2 in it; region, state: classes or NO_REGION.

    text: None where nobody told it. plate: whether it is a plate at all.
    """

    picture: NDArray[np.uint8]
    box: tuple[float, float, float, float]
    text: str | None
    region: int
    state: int = NO_REGION
    plate: bool = True


def held_out(text: str) -> bool:
    """Whether plates of this text, one in ten, never train the reader: its scores are calibrated on them."""
    return zlib.crc32(text.encode()) % 10 == 0


def load(data: Path, reference: Path, *, held: bool = False) -> list[RealPlate]:
    """Plates of photos.csv, of those read by eye and of pseudo.jsonl: those that train, or with `held` those that are
    held out. No text that stands in a `val` row is among them.
    """
    with (data / "photos.csv").open() as table:
        rows = list(csv.DictReader(table))
    with (data / "crops.csv").open() as table:
        crops = list(csv.DictReader(table))
    states = {row["text"]: state_class(row["region"]) for row in crops if row["split"] == "train"}
    measured = {row["text"] for row in crops if row["split"] != "train"}
    measured |= {row["text"] for row in rows if row["split"] != "train"}
    barred = {row["photo"] for row in rows if row["split"] != "train" or row["licence_class"] != "permissive"}
    labelled = defaultdict(list)
    wanted: dict[str, list[Labelled]] = defaultdict(list)
    for row in rows:
        if row["photo"] in barred:
            continue
        box = [float(row[k]) for k in ("x1", "y1", "x2", "y2")]
        if row["text"]:
            labelled[row["photo"]].append(box)
        if LATIN.fullmatch(row["text"]):
            state = states.get(row["text"], NO_REGION)
            wanted[row["photo"]].append((box, row["text"], region_class(row["country"]), state))
    with READ_BY_EYE.open() as table:
        for row in csv.DictReader(table):
            box = [float(row[k]) for k in ("x1", "y1", "x2", "y2")]
            if row["photo"] in barred or row["text"] in measured:
                continue
            labelled[row["photo"]].append(box)
            label = (box, row["text"], region_class(row["region"]), state_class(row["region"]))
            wanted[row["photo"]].append(label)
    with (reference / "regions.csv").open() as table:
        codes = {row["name"].lower(): row["code"] for row in csv.DictReader(table) if not row["parent"]}
    with (data / "pseudo.jsonl").open() as lines:
        for line in lines:
            entry = json.loads(line)
            if entry["photo"] in barred:
                continue
            for plate in entry["plates"]:
                if _trusted(plate, measured) and not any(
                    overlap(plate["box"], box) > 0.3 for box in labelled[entry["photo"]]
                ):
                    sure = plate.get("country_score", 0) >= LEAST_COUNTRY
                    code = codes.get(plate["country"].lower(), "") if sure else ""
                    region = region_class(code) if code else NO_REGION
                    wanted[entry["photo"]].append((plate["box"], plate["text"], region, NO_REGION))
    chosen = [(photo, plate) for photo in sorted(wanted) for plate in wanted[photo] if held_out(plate[1]) == held]
    return [cut_out(cv2.imread(str(data / photo)), *plate) for photo, plate in chosen]


def _trusted(plate: dict, measured: set[str]) -> bool:
    return (
        plate["score"] >= LEAST_BOX
        and plate["agree"]
        and plate["text_score"] >= LEAST_TEXT
        and LATIN.fullmatch(plate["text"]) is not None
        and plate["text"] not in measured
    )


def chinese_plates(data: Path) -> list[RealPlate]:
    """Cut out plates of China: the province's character is left out of the text, as the reader knows A-Z and 0-9."""
    with (data / "crops.csv").open() as table:
        rows = [row for row in csv.DictReader(table) if row["split"] == "train" and row["country"] == "cn"]
    plates = []
    for row in rows:
        text = row["text"][1:]
        if row["licence_class"] == "permissive" and LATIN.fullmatch(text):
            picture = cv2.imread(str(data / row["crop"]))
            high, wide = picture.shape[:2]
            plates.append(cut_out(picture, [0, 0, wide, high], text, region_class("cn")))
    return plates


def cut_out(
    photo: NDArray[np.uint8], box: list[float], text: str | None, region: int, state: int = NO_REGION
) -> RealPlate:
    """Keeps 40 % of the plate's width and 60 % of its height round it: room for every later cut."""
    wide, high = box[2] - box[0], box[3] - box[1]
    x, y = int(max(0, box[0] - 0.4 * wide)), int(max(0, box[1] - 0.6 * high))
    picture = photo[y : int(box[3] + 0.6 * high), x : int(box[2] + 0.4 * wide)].copy()
    return RealPlate(picture, (box[0] - x, box[1] - y, box[2] - x, box[3] - y), text, region, state)


def varied(plate: RealPlate, camera: Camera) -> NDArray[np.uint8]:
    """A fresh cut of a real plate at the reader's size: uncertain margins, small tilts, wear."""
    rng, noise = camera.rng, camera.noise
    x1, y1, x2, y2 = plate.box
    side = np.clip(noise.normal(0.04, 0.035, 2), -0.03, 0.15) * (x2 - x1)
    edge = np.clip(noise.normal(0.08, 0.06, 2), -0.04, 0.3) * (y2 - y1)
    side -= camera.too_narrow() * (x2 - x1)
    edge -= camera.too_tight() * (y2 - y1)
    x1, y1, x2, y2 = x1 - side[0], y1 - edge[0], x2 + side[1], y2 + edge[1]
    quad = np.array([[x1, y1], [x2, y1], [x2, y2], [x1, y2]], np.float32)
    if rng.random() < 0.6:
        quad += noise.normal(0, 0.05 * (y2 - y1), (4, 2)).astype(np.float32)
    if rng.random() < 0.4:
        shear = rng.gauss(0, 0.025) * (x2 - x1)
        quad[[0, 3], 1] += shear
        quad[[1, 2], 1] -= shear
    cut = _flattened(plate.picture, quad, int(max(24, min(260, x2 - x1))), int(max(10, min(140, y2 - y1))))
    if rng.random() < 0.5:
        return camera.arrive(cut, (x2 - x1) / (y2 - y1))
    worn = camera.wear(cut) if rng.random() < 0.7 else cut
    return cv2.resize(worn, READER_SIZE, interpolation=cv2.INTER_LINEAR)


def _flattened(picture: NDArray[np.uint8], quad: NDArray[np.float32], width: int, height: int) -> NDArray[np.uint8]:
    shrink = max(np.linalg.norm(quad[1] - quad[0]), np.linalg.norm(quad[2] - quad[3])) / width
    if shrink > 1.6:
        picture = cv2.resize(picture, None, fx=1.25 / shrink, fy=1.25 / shrink, interpolation=cv2.INTER_AREA)
        quad = quad * np.float32(1.25 / shrink)
    target = np.array([[0, 0], [width, 0], [width, height], [0, height]], np.float32)
    matrix = cv2.getPerspectiveTransform(quad, target)
    return cv2.warpPerspective(
        picture, matrix, (width, height), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
    )


def backgrounds(data: Path, count: int = 400) -> list[NDArray[np.uint8]]:
    """Photos that drawn plates are set into."""
    with (data / "photos.csv").open() as table:
        names = sorted(
            {r["photo"] for r in csv.DictReader(table) if r["split"] == "train" and r["licence_class"] == "permissive"}
        )
    random.Random(1).shuffle(names)
    return [cv2.imread(str(data / name)) for name in names[:count]]
