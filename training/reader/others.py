"""Cuts that teach the reader what is a plate at all: plates whose script it cannot read, and what the detector took
for a plate and is none.

Neither teaches text: what stands on a sign is lettering all the same.
"""

import csv
import json
import random
from collections import defaultdict
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import torch

from training.detector.calibrate import detections
from training.detector.network import PlateDetector
from training.detector.photos import Photo, overlap
from training.detector.photos import load as load_photos
from training.folders import ROOT, SHARED
from training.reader.classes import NO_REGION, region_class
from training.reader.crops import LATIN, RealPlate, cut_out
from training.run import averaged_weights, state_file

FALSE_BOXES = ROOT / "training/work/false_boxes.json"
APART = 0.05  # of the smaller box: beyond it a false box may hold a part of a plate
MOST = 4  # false boxes of one photo, the likeliest first


def unread_plates(data: Path) -> list[RealPlate]:
    """Train plates without a Latin text: they teach that they are plates, not what stands on them."""
    with (data / "photos.csv").open() as table:
        rows = list(csv.DictReader(table))
    barred = {row["photo"] for row in rows if row["split"] != "train" or row["licence_class"] != "permissive"}
    wanted = defaultdict(list)
    for row in rows:
        if row["photo"] not in barred and not LATIN.fullmatch(row["text"]):
            wanted[row["photo"]].append(row)
    plates = []
    for name in sorted(wanted):
        photo = cv2.imread(str(data / name))
        for row in wanted[name]:
            box = [float(row[k]) for k in ("x1", "y1", "x2", "y2")]
            if box[2] - box[0] >= 12:
                region = region_class(row["country"]) if row["country"] else NO_REGION
                plates.append(cut_out(photo, box, None, region))
    return plates


def false_plates(data: Path, seed: int = 1) -> list[RealPlate]:
    """What the committed detector takes for a plate in train photos and nobody labelled; and one random box a photo."""
    rng = random.Random(seed)
    kept = _false_boxes(data)
    found = []
    for photo in load_photos(data):
        taken = [*photo.boxes.tolist(), *photo.ignore.tolist()]
        boxes = [box for box in kept.get(photo.name, []) if _apart(box, taken)][:MOST]
        h, w = photo.image.shape[:2]
        wide = min(w * 0.5, rng.uniform(14, 160))
        high = min(h * 0.5, wide / rng.uniform(1.2, 5.5))
        x, y = rng.uniform(0, w - wide), rng.uniform(0, h - high)
        if _apart(at_random := [x, y, x + wide, y + high], taken):
            boxes.append(at_random)
        found += [replace(cut_out(photo.image, box, None, NO_REGION), plate=False) for box in boxes]
    return found


def _apart(box: list[float], taken: list[list[float]]) -> bool:
    return all(overlap(box, other) <= APART for other in taken)


def _false_boxes(data: Path) -> dict[str, list[list[float]]]:
    """By photo, the likeliest first, in pixels of the photo as `photos.load` gives it; made once by the committed
    detector.
    """
    if not FALSE_BOXES.exists():
        network = PlateDetector()
        network.load_state_dict(averaged_weights(state_file("detector")))
        network.eval()
        boxes = {photo.name: _found(network, photo) for photo in load_photos(data)}
        FALSE_BOXES.parent.mkdir(parents=True, exist_ok=True)
        FALSE_BOXES.write_text(json.dumps(boxes))
    return json.loads(FALSE_BOXES.read_text())


def _found(network: PlateDetector, photo: Photo) -> list[list[float]]:
    boxes, scores = detections(network, photo)
    h, w = photo.image.shape[:2]
    order = np.argsort(scores)[::-1][: 5 * MOST]
    return [np.clip(boxes[n], 0, [w, h, w, h]).round(1).tolist() for n in order]


def main() -> None:
    torch.set_num_threads(1)
    print(len(unread_plates(SHARED / "data")), "plates not read,", len(false_plates(SHARED / "data")), "false ones")


if __name__ == "__main__":
    main()
