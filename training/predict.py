"""Run a pack over the `val` photos and crops of the shared data and write predictions for its scorer, tools/score.py.

Usage: python -m training.predict PACK OUT.jsonl [--data DIR] [--threshold-d 0.4] [--only photos|crops]

Photos go through the whole pipeline, with readings of any score kept; crops as pictures of one plate each.
`training.evaluate` tells more, and gives the same figures.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator
from pathlib import Path

import core_rs
from training.evaluate.labels import FolderError, Label, load
from training.evaluate.metrics import Found
from training.evaluate.runner import Pack, start
from training.folders import SHARED


def lines(pack: Pack, data: Path, photos: list[Label], crops: list[Label]) -> Iterator[str]:
    """One JSON object a photo, then one a crop."""
    for file, plates in pack.photos(data, sorted({label.file for label in photos})):
        yield json.dumps(
            {"photo": file, "plates": [_plate(plate) for plate in plates if plate.dscore >= pack.threshold]}
        )
    for file, plate in pack.crops(data, sorted({label.file for label in crops})):
        yield json.dumps({"crop": file, "text": plate.text, "score": plate.score})


def _plate(plate: Found) -> dict[str, object]:
    return {"box": plate.box, "text": plate.text, "score": plate.dscore}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("pack", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--data", type=Path, default=SHARED / "data")
    parser.add_argument("--threshold-d", type=float, default=0.4)
    parser.add_argument("--only", choices=["photos", "crops"])
    args = parser.parse_args()
    try:
        photos, crops = load(args.data, "val")
        start()
        pack = Pack(args.pack, args.threshold_d)
    except (FolderError, core_rs.CoreError) as error:
        raise SystemExit(f"predict: {error}") from error
    with args.out.open("w") as out:
        chosen = ([] if args.only == "crops" else photos, [] if args.only == "photos" else crops)
        out.writelines(f"{line}\n" for line in lines(pack, args.data, *chosen))


if __name__ == "__main__":
    main()
