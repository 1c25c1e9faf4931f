"""Run a pack over the `val` photos and crops of the shared data and write predictions for its scorer.

Usage: python training/predict.py PACK OUT.jsonl [--data DIR] [--threshold-d 0.4] [--only photos|crops]

Photos go through the whole pipeline, with readings of any score kept; crops through the reader alone. `ms` is the sum
of the core's stage times.
"""

from __future__ import annotations

import argparse
import csv
import importlib.util
import json
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TextIO

import core_rs

BATCH = 16


def onnxruntime_library() -> str:
    """Absolute path of the library inside the onnxruntime wheel, found without importing the package."""
    spec = importlib.util.find_spec("onnxruntime")
    if spec is None or spec.origin is None:
        raise SystemExit("onnxruntime is not installed; install the project's own dependencies")
    return str(next(Path(spec.origin).parent.glob("capi/libonnxruntime.so*")))


def names(table: Path, column: str) -> list[str]:
    with table.open(newline="") as lines:
        return sorted({row[column] for row in csv.DictReader(lines) if row["split"] == "val"})


def batches(data: Path, files: list[str]) -> Iterator[tuple[list[str], list[bytes]]]:
    for at in range(0, len(files), BATCH):
        batch = files[at : at + BATCH]
        yield batch, [(data / name).read_bytes() for name in batch]


def predict(engine: core_rs.Engine, data: Path, column: str, options: core_rs.Options, out: TextIO) -> None:
    files = names(data / f"{column}s.csv", column)
    run = engine.recognise if column == "photo" else engine.read_crops
    for batch, images in batches(data, files):
        for name, answer in zip(batch, run(images, [options] * len(images)), strict=True):
            if isinstance(answer, core_rs.CoreError):
                print(f"{name}: {answer.code}: {answer}", file=sys.stderr)
                continue
            line: dict[str, object] = {column: name, "ms": sum(answer.timings.values())}
            if column == "photo":
                line["plates"] = [{"box": p.box, "text": p.text, "score": p.dscore} for p in answer.plates]
            else:
                plate = answer.plates[0]
                line |= {"text": plate.text, "score": plate.score}
            out.write(json.dumps(line) + "\n")


def main() -> None:
    shared = Path(os.environ.get("PLATEHOST_SHARED", Path(__file__).resolve().parents[2] / "shared"))
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("pack", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--data", type=Path, default=shared / "data")
    parser.add_argument("--threshold-d", type=float, default=0.4)
    parser.add_argument("--only", choices=["photos", "crops"])
    args = parser.parse_args()
    core_rs.init(onnxruntime_library())
    engine = core_rs.Engine(args.pack)
    options = core_rs.Options(threshold_d=args.threshold_d, threshold_o=0.0)
    with args.out.open("w") as out:
        for column in ("photo", "crop"):
            if args.only in (None, f"{column}s"):
                predict(engine, args.data, column, options, out)


if __name__ == "__main__":
    main()
