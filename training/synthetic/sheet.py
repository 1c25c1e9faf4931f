"""Real crops of a country above drawn plates of it, as a camera sees them and flat: what tells them apart at a glance
is what the networks lack.

    python -m training.synthetic.sheet us-ny /tmp/us-ny.png

The sheet shows people's plates: it must lie outside this repository; never commit or publish it. Real crops are of any
split: looking at them trains nothing.
"""

import argparse
import csv
import random
from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from training.folders import ROOT, SHARED
from training.reader.crops import backgrounds
from training.synthetic.camera import Camera
from training.synthetic.plate import PlateMaker

SIZE = (200, 80)  # pixels of each picture
ACROSS = 8
SEED = 7


def grid(pictures: Sequence[NDArray[np.uint8]]) -> NDArray[np.uint8]:
    """Pictures uint8 BGR of any size side by side, ACROSS in a row."""
    cells = [cv2.resize(picture, SIZE) for picture in pictures]
    cells += [np.zeros((SIZE[1], SIZE[0], 3), np.uint8)] * (-len(cells) % ACROSS)
    rows = [np.hstack(cells[at : at + ACROSS]) for at in range(0, len(cells), ACROSS)]
    return np.vstack([*rows, np.full((8, SIZE[0] * ACROSS, 3), (0, 0, 255), np.uint8)])


def real(data: Path, code: str, count: int) -> list[NDArray[np.uint8]]:
    """Crops of a country, or of a state where the table names states."""
    with (data / "crops.csv").open() as table:
        names = [row["crop"] for row in csv.DictReader(table) if code in (row["country"], row["region"])]
    random.Random(SEED).shuffle(names)
    return [cv2.imread(str(data / name)) for name in names[:count]]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("code", help="region, such as br or us-ny")
    parser.add_argument("out", type=Path, help="picture to write")
    parser.add_argument("--shared", type=Path, default=SHARED)
    parser.add_argument("--count", type=int, default=40, help="pictures of each kind")
    args = parser.parse_args()
    if args.out.resolve().is_relative_to(ROOT):
        raise SystemExit(
            f"{args.out} lies in the repository; the sheet shows people's plates, so choose another place."
        )
    maker, camera = PlateMaker(args.shared / "reference", args.shared / "fonts", SEED), Camera(SEED)
    if args.code not in maker.formats.by_code:
        raise SystemExit(f"no format of {args.code!r} is drawn; there are {', '.join(sorted(maker.formats.by_code))}")
    flat: list[NDArray[np.uint8]] = []
    while len(flat) < args.count:
        form, text = maker.formats.draw()
        if form.code == args.code:
            flat.append(maker.plate(maker.states.dressed(form), text).picture)
    scenes = backgrounds(args.shared / "data", 60)
    kinds = [real(args.shared / "data", args.code, args.count), [camera.see(each, scenes) for each in flat], flat]
    cv2.imwrite(str(args.out), np.vstack([grid(kind) for kind in kinds if kind]))


if __name__ == "__main__":
    main()
