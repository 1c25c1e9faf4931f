"""How far the detector and the reader are to be believed that something is a plate: writes the weights of
`plate_reader.plate` into a pack's manifest.

    python -m training.confidence models/default

Logistic regression on both scores' logits, over train photos that are first worn (shrunk, darkened or lightened,
compressed): on the photos as the networks learned them, they would be believed too much.
"""

import argparse
import csv
import io
import json
import random
import shutil
import tempfile
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from PIL import Image, ImageEnhance

import core_rs
from training.evaluate.labels import Box
from training.evaluate.metrics import iou
from training.evaluate.runner import start
from training.folders import SHARED
from training.logistic import fitted, logits
from training.manifest import write_weights

FLOOR = 0.02  # of the detector's score: what lies lower is not looked at
MATCH = 0.5  # intersection over union
PSEUDO_TRUE = 0.4  # the teachers' README: boxes from here on are plates, those from 0.1 on "do not care"
BATCH = 16
TABLE = "plate_reader.plate"


def truths(data: Path) -> dict[str, tuple[list[Box], list[Box]]]:
    """By train photo: boxes of plates, and of what may be one."""
    plates: dict[str, tuple[list[Box], list[Box]]] = defaultdict(lambda: ([], []))
    with (data / "photos.csv").open() as table:
        for row in csv.DictReader(table):
            if row["split"] == "train" and row["licence_class"] == "permissive":
                plates[row["photo"]][0].append(tuple(float(row[k]) for k in ("x1", "y1", "x2", "y2")))  # type: ignore[arg-type]
    with (data / "pseudo.jsonl").open() as lines:
        for line in lines:
            entry = json.loads(line)
            if entry["photo"] in plates:
                sure, doubtful = plates[entry["photo"]]
                for plate in entry["plates"]:
                    (sure if plate["score"] >= PSEUDO_TRUE else doubtful).append(tuple(plate["box"]))
    return dict(plates)


def worn(path: Path, rng: random.Random) -> tuple[bytes, float]:
    """A JPEG of the photo as a worse camera has it, and how far it shrank."""
    with Image.open(path) as opened:
        picture = opened.convert("RGB")
    scale = rng.uniform(0.6, 1.0)
    picture = picture.resize((round(picture.width * scale), round(picture.height * scale)), Image.Resampling.BILINEAR)
    picture = ImageEnhance.Brightness(picture).enhance(rng.uniform(0.5, 1.4))
    file = io.BytesIO()
    picture.save(file, "JPEG", quality=rng.randint(40, 85))
    return file.getvalue(), scale


def opinions(pack: Path, data: Path, every: int) -> Iterator[tuple[float, float, bool]]:
    """Detector's score, reader's score, and whether it is a plate, of each detection in each `every`-th photo."""
    rng = random.Random(1)
    known = truths(data)
    names = sorted(known)[::every]
    with tempfile.TemporaryDirectory() as folder:
        bare = Path(folder) / "pack"
        shutil.copytree(pack, bare)
        write_weights(bare, TABLE, [1.0, 0.0, 0.0])
        engine = core_rs.Engine(bare)
        options = core_rs.Options(threshold_d=FLOOR, threshold_o=0.0)
        for at in range(0, len(names), BATCH):
            photos = [worn(data / name, rng) for name in names[at : at + BATCH]]
            answers = engine.recognise([picture for picture, _ in photos], [options] * len(photos))
            for name, (_, scale), answer in zip(names[at:], photos, answers, strict=False):
                if isinstance(answer, core_rs.CoreError):
                    raise answer
                sure, doubtful = known[name]
                for plate in answer.plates:
                    x1, y1, x2, y2 = (side / scale for side in plate.box)
                    box = (x1, y1, x2, y2)
                    true = any(iou(box, other) >= MATCH for other in sure)
                    if plate.plate_score is not None and (true or not any(iou(box, o) > 0.1 for o in doubtful)):
                        yield plate.dscore, plate.plate_score, true


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("pack", type=Path)
    parser.add_argument("--data", type=Path, default=SHARED / "data")
    parser.add_argument("--every", type=int, default=4, help="take each n-th photo")
    args = parser.parse_args()
    start()
    rows = np.array(list(opinions(args.pack, args.data, args.every)), float)
    weights = fitted(logits(rows[:, :2]), rows[:, 2], prior=[1.0, 0.0, 0.0])
    write_weights(args.pack, TABLE, weights)
    print(f"{len(rows)} detections, {int(rows[:, 2].sum())} of them plates: weights {np.round(weights, 3).tolist()}")


if __name__ == "__main__":
    main()
