"""What a reading's score says: writes the weights of `plate_reader.score` into a pack's manifest.

    python -m training.scores models/default

Logistic regression of being right on the score's logit, over the real plates that `reader.crops.held_out` keeps from
training, as the whole core reads them. The committed state saw them in its first quarter, before they were held out:
`training.evaluate` says on `val` whether the scores are too sure.
"""

import argparse
import random
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np

import core_rs
from training.evaluate.runner import start
from training.folders import SHARED
from training.logistic import fitted, logits
from training.manifest import write_weights
from training.reader.crops import RealPlate, load

CUTS = 2  # of each plate: as it is, and from further away
BATCH = 16
TABLE = "plate_reader.score"
AS_READ = [1.0, 0.0]  # weights that raise nothing


def cut(plate: RealPlate, shrink: float, rng: random.Random) -> bytes:
    """A PNG of the plate with a little room round it, as people send cut out plates."""
    x1, y1, x2, y2 = plate.box
    wide, high = x2 - x1, y2 - y1
    left, right = (max(0, round(x1 - rng.uniform(0, 0.1) * wide)), round(x2 + rng.uniform(0, 0.1) * wide))
    top, bottom = (max(0, round(y1 - rng.uniform(0, 0.2) * high)), round(y2 + rng.uniform(0, 0.2) * high))
    picture = plate.picture[top:bottom, left:right]
    size = max(16, round(picture.shape[1] * shrink)), max(8, round(picture.shape[0] * shrink))
    return cv2.imencode(".png", cv2.resize(picture, size, interpolation=cv2.INTER_AREA))[1].tobytes()


def readings(pack: Path, shared: Path) -> Iterator[tuple[float, bool]]:
    """The score of each held-out plate's reading, and whether it is right; plates without a reading are left out."""
    rng = random.Random(1)
    held = [each for each in load(shared / "data", shared / "reference", held=True) if each.text is not None]
    sent = [(plate, rng.uniform(0.5, 1.0) if n else 1.0) for plate in held for n in range(CUTS)]
    with tempfile.TemporaryDirectory() as folder:
        bare = Path(folder) / "pack"
        shutil.copytree(pack, bare)
        write_weights(bare, TABLE, AS_READ)
        engine = core_rs.Engine(bare)
        for at in range(0, len(sent), BATCH):
            chunk = sent[at : at + BATCH]
            answers = engine.read_crops([cut(plate, shrink, rng) for plate, shrink in chunk])
            for (plate, _), answer in zip(chunk, answers, strict=True):
                if isinstance(answer, core_rs.CoreError):
                    raise answer
                yield from ((found.score, found.text == plate.text) for found in answer.plates if found.text)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("pack", type=Path)
    parser.add_argument("--shared", type=Path, default=SHARED, help="photos and tables")
    args = parser.parse_args()
    start()
    rows = np.array(list(readings(args.pack, args.shared)), float)
    weights = fitted(logits(rows[:, :1]), rows[:, 1], prior=AS_READ)
    write_weights(args.pack, TABLE, weights)
    print(f"{len(rows)} readings, {int(rows[:, 1].sum())} of them right: weights {np.round(weights, 3).tolist()}")


if __name__ == "__main__":
    main()
