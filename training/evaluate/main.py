"""Score a pack, or two side by side, on a folder of labelled photos and crops.

    python -m training.evaluate models/default
    python -m training.evaluate models/default /tmp/teachers --data ../shared/data --out /tmp/evaluation
    python -m training.evaluate models/default --only vehicles --make-model models/make-model
    python -m training.evaluate models/default --only photos --option zoom_in_vehicles=0

The folder holds photos.csv (columns photo, split, x1, y1, x2, y2, text, country, source), crops.csv (crop, split,
width, text, country, source), or both; with --only vehicles vehicles.csv (image, split, x1, y1, x2, y2, type, colour,
orientation, make, model, year, source, licence_class). Tables go to standard output as Markdown, or as JSON (--json).

The contact sheets of the worst errors show people's plates. They are written to --out alone, which must lie outside
this repository (default: a fresh temporary folder); never commit or publish them.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

import core_rs
from training.evaluate import report, sheets, speed
from training.evaluate.blur import SHARP, measured
from training.evaluate.curve import at_precision, point
from training.evaluate.evaluation import Evaluation, evaluate
from training.evaluate.labels import FolderError, load
from training.evaluate.options import overrides
from training.evaluate.runner import Pack, start
from training.evaluate.vehicles.labels import TABLE, load_vehicles
from training.folders import ROOT, SHARED


def arguments() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m training.evaluate", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("pack", type=Path, help="folder of the pack to score")
    parser.add_argument("other", type=Path, nargs="?", help="folder of a pack to compare with")
    parser.add_argument("--data", type=Path, default=SHARED / "data", help="folder with photos.csv, crops.csv or both")
    parser.add_argument("--split", default="val", help="rows to use, by their column 'split' (default: val)")
    parser.add_argument("--only", choices=["photos", "crops", "vehicles"], help="one table alone")
    parser.add_argument(
        "--threshold-d", type=float, default=0.2, help="least detection score (default: 0.2, the API's)"
    )
    parser.add_argument(
        "--other-threshold-d", type=float, help="the same for the other pack (default: what its manifest says)"
    )
    parser.add_argument("--mode", choices=["default", "fast"], default="default", help="the first pack's mode")
    parser.add_argument(
        "--option", action="append", default=[], metavar="NAME=VALUE", help="a further option of every request"
    )
    parser.add_argument(
        "--make-model", type=Path, metavar="DIR", help="the make-model pack beside the first pack, for --only vehicles"
    )
    parser.add_argument("--quick", action="store_true", help="leave out the runs with `regions` given and the times")
    parser.add_argument("--json", action="store_true", help="print all figures as one JSON object, not as tables")
    parser.add_argument(
        "--out", type=Path, help="folder for the contact sheets, outside the repository: they show people's plates"
    )
    return parser


def main(argv: Sequence[str] | None = None) -> None:
    args = arguments().parse_args(argv)
    try:
        _run(args)
    except (FolderError, core_rs.CoreError) as error:
        raise SystemExit(f"evaluate: {error}") from error


def _run(args: argparse.Namespace) -> None:
    if args.out and args.out.resolve().is_relative_to(ROOT):
        raise FolderError(
            f"--out {args.out} lies in the repository; contact sheets show people's plates, so choose another."
        )
    if args.only == "vehicles":
        _vehicles(args)
        return
    if args.make_model:
        raise FolderError("--make-model is for --only vehicles.")
    photos, crops = load(args.data, args.split)
    photos, crops = ([] if args.only == "crops" else photos), ([] if args.only == "photos" else crops)
    if not photos and not crops:
        raise FolderError(f"{args.data}: no row of {args.only}.csv has {args.split!r} in the column 'split'.")
    start()
    options = overrides(args.option)
    packs = [Pack(args.pack, args.threshold_d, args.mode, options)]
    if args.other:
        packs.append(Pack(args.other, args.other_threshold_d, overrides=options))
    photos, crops = measured(args.data, photos), measured(args.data, crops)
    found = [evaluate(pack, args.data, photos, crops, with_regions=not args.quick) for pack in packs]
    if args.other and photos:
        ours = list(found[0].scenes.values())
        other = point(list(found[1].scenes.values()), packs[1].threshold)
        found[0].figures["at_precision"] = {
            kind: {"asked": other[kind], "point": at_precision(ours, other[kind] or 0.0, kind)}
            for kind in ("precision", "precision_by_eye")
        }
    timed = speed.times(packs, args.data, list(found[0].scenes)) if photos and not args.quick else None
    figures = [each.figures for each in found]
    if args.json:
        print(
            json.dumps({"data": str(args.data), "split": args.split, "sharp": SHARP, "packs": figures, "times": timed})
        )
    else:
        print(report.report(figures, str(args.data), args.split))
        if timed:
            print(report.times(timed, [pack.name for pack in packs]))
    out = args.out or Path(tempfile.mkdtemp(prefix="platehost-evaluate-"))
    for line in _sheets(args.data, found, out):
        print(line, file=sys.stderr)


def _vehicles(args: argparse.Namespace) -> None:
    # Here, because they import ONNX Runtime's own module, a second copy of the runtime beside the core's.
    from training.evaluate.vehicles.evaluation import evaluate_vehicles
    from training.evaluate.vehicles.report import report as report_vehicles
    from training.evaluate.vehicles.sheets import draw_vehicles

    if args.other:
        raise FolderError("--only vehicles measures one pack; leave the other one out.")
    labels = load_vehicles(args.data, args.split)
    if not labels:
        raise FolderError(f"{args.data} has no {TABLE}, or no row of it has {args.split!r} in the column 'split'.")
    plates = load(args.data, args.split)[0] if (args.data / "photos.csv").exists() else []
    start()
    options = {"mode": args.mode, "threshold_d": args.threshold_d, **overrides(args.option)}
    found = evaluate_vehicles(args.pack, args.make_model, args.data, labels, plates, options, timed=not args.quick)
    if args.json:
        print(json.dumps({"data": str(args.data), "split": args.split, "vehicles": found.figures}))
    else:
        print(report_vehicles(found.figures, str(args.data), args.split))
    for line in draw_vehicles(args.data, found, args.out or Path(tempfile.mkdtemp(prefix="platehost-evaluate-"))):
        print(line, file=sys.stderr)


def _sheets(data: Path, found: Sequence[Evaluation], out: Path) -> list[str]:
    """Draws the sheets of the first pack's errors; returns a line on each."""
    first = found[0]
    read = [*first.photos.judged, *first.crops.judged]
    drawn: dict[str, tuple[str, Callable[[Path], int]]] = {
        "wrong readings": ("wrong.png", lambda path: sheets.wrong_readings(data, read, path)),
        "missed plates": ("missed.png", lambda path: sheets.missed(data, first.photos.judged, path)),
        "false boxes": ("false.png", lambda path: sheets.false_boxes(data, first.photos.false, path)),
    }
    if len(found) == 2:
        theirs = [*found[1].photos.judged, *found[1].crops.judged]
        lost = [ours for ours, other in zip(read, theirs, strict=True) if other.right and not ours.right]
        missed = [ours for ours, other in zip(read, theirs, strict=True) if other.found and not ours.found]
        drawn["read wrong, by the other pack right"] = (
            "wrong-other-right.png",
            lambda path: sheets.wrong_readings(data, lost, path),
        )
        drawn["missed, found by the other pack"] = (
            "missed-other-found.png",
            lambda path: sheets.missed(data, missed, path),
        )
    lines = []
    for title, (name, draw) in drawn.items():
        n = draw(out / name)
        lines.append(f"{n} {title}" + (f": {out / name}" if n else ""))
    return lines
