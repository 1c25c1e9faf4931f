"""Measures the Rust core and the same work done in Python (Pillow or OpenCV, numpy, onnxruntime; the same models).

Pictures are JPEGs of 1280 x 720 and 1920 x 1080 made from the photos of PLATEHOST_SHARED (default: the folder `shared`
beside the checkout), or from the repository's sample without them. Each implementation runs in a process of its own on
one thread, one picture a call; each stage's time is the mean over the pictures of the best of the rounds. A ratio is the
faster Python's time over Rust's: above 1, Rust is ahead. The last line is a JSON object with the figures.
"""

from __future__ import annotations

import argparse
import csv
import importlib.util
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from PIL import Image

ROOT = Path(__file__).resolve().parents[2]
SAMPLE = ROOT / "tests" / "fixtures" / "sample.jpg"
SIZES = ((1280, 720), (1920, 1080))
STAGES = ("decode", "letterbox", "detect", "boxes", "rectify", "read", "text")
NETWORK = ("detect", "read")
IMPLEMENTATIONS = ("rust", "opencv", "pillow")

Figures = dict[str, Any]


def main() -> int:
    shared = Path(os.environ.get("PLATEHOST_SHARED", ROOT.parent / "shared"))
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pack", type=Path, default=ROOT / "models" / "default", help="(default: the default pack)")
    parser.add_argument("--pictures", type=int, default=24, help="pictures a size (default: 24)")
    parser.add_argument("--rounds", type=int, default=5, help="times that each is read (default: 5)")
    parser.add_argument("--shared", type=Path, default=shared, help="folder with data/photos.csv")
    parser.add_argument("--measure", choices=IMPLEMENTATIONS, help=argparse.SUPPRESS)
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    if chosen.measure:
        print(json.dumps(measure(chosen.measure, chosen.pack, chosen.folder, chosen.rounds)))
        return 0
    report: Figures = {"pack": chosen.pack.name, "rounds": chosen.rounds, "sizes": {}}
    for width, height in SIZES:
        with tempfile.TemporaryDirectory(prefix="platehost-bench-") as folder:
            pictures(chosen.shared, Path(folder), chosen.pictures, width, height)
            measured = {each: run_apart(each, chosen, folder) for each in IMPLEMENTATIONS if is_there(each)}
        report["sizes"][f"{width}x{height}"] = {**measured, "ratio": ratios(measured)}
        show(f"{width} x {height}", measured)
    print(json.dumps(report))
    return 0


def is_there(implementation: str) -> bool:
    module = {"opencv": "cv2", "pillow": "PIL", "rust": "core_rs"}[implementation]
    return importlib.util.find_spec(module) is not None


def run_apart(implementation: str, chosen: argparse.Namespace, folder: str) -> Figures:
    """Runs this script in a process of its own, so that peak memory is that of one implementation."""
    one_thread = {name: "1" for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS")}
    command = [sys.executable, __file__, "--measure", implementation, "--folder", folder]
    command += ["--pack", str(chosen.pack), "--rounds", str(chosen.rounds)]
    run = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True, env=os.environ | one_thread)
    figures: Figures = json.loads(run.stdout.splitlines()[-1])
    return figures


def pictures(shared: Path, folder: Path, count: int, width: int, height: int) -> None:
    """Writes `count` JPEGs of the size, cut from photos so that the first labelled plate stays in."""
    table = shared / "data" / "photos.csv"
    if not table.exists():
        sources = [(SAMPLE, None)]
    else:
        with table.open(newline="") as lines:
            rows = [row for row in csv.DictReader(lines) if row["split"] == "val" and row["text"]]
        rows = rows[:: max(1, len(rows) // count)][:count]
        sources = [(shared / "data" / row["photo"], float(row["y1"]) / 2 + float(row["y2"]) / 2) for row in rows]
    for n, (path, middle) in enumerate(sources):
        with Image.open(path) as opened:
            photo = opened.convert("RGB")
        high = min(photo.height, round(photo.width * height / width))
        top = 0.0 if middle is None else min(max(middle - high / 2, 0), photo.height - high)
        photo = photo.resize((width, height), Image.Resampling.LANCZOS, box=(0, top, photo.width, top + high))
        photo.save(folder / f"{n:03}.jpg", quality=90)


def measure(implementation: str, pack: Path, folder: Path, rounds: int) -> Figures:
    files = [path.read_bytes() for path in sorted(folder.glob("*.jpg"))]
    read = {"rust": rust, "opencv": python, "pillow": python}[implementation](implementation, pack)
    read(files[0])
    best: list[dict[str, float]] = []
    texts = []
    for image in files:
        runs = []
        for _ in range(rounds):
            start = time.perf_counter()
            found, stages = read(image)
            stages["total"] = (time.perf_counter() - start) * 1000
            runs.append(stages)
        texts.append(sorted(found))
        best.append({stage: min(run[stage] for run in runs) for stage in (*STAGES, "total")})
    ms = {stage: round(statistics.mean(run[stage] for run in best), 3) for stage in (*STAGES, "total")}
    return {
        "ms": ms,
        "images_per_second": round(1000 / ms["total"], 2),
        "peak_mib": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, 1),
        "pictures": len(files),
        "texts": texts,
    }


Reader = Callable[[bytes], tuple[list[str], dict[str, float]]]


def rust(_: str, pack: Path) -> Reader:
    import core_rs

    spec = importlib.util.find_spec("onnxruntime")
    if spec is None or spec.origin is None:
        raise SystemExit("onnxruntime is not installed; scripts/run makes the environment")
    core_rs.init(next(Path(spec.origin).parent.glob("capi/libonnxruntime.so*")))
    engine = core_rs.Engine(pack)

    def read(image: bytes) -> tuple[list[str], dict[str, float]]:
        [answer] = engine.recognise([image])
        if isinstance(answer, core_rs.CoreError):
            raise answer
        return [plate.text for plate in answer.plates], answer.timings

    return read


def python(library: str, pack: Path) -> Reader:
    from python_pipeline import Pipeline

    return Pipeline(pack, library).recognise


def ratios(measured: dict[str, Figures]) -> dict[str, float]:
    others = [figures for name, figures in measured.items() if name != "rust"]
    ours = measured["rust"]["ms"]
    return {stage: round(min(other["ms"][stage] for other in others) / ours[stage], 2) for stage in ours}


def show(title: str, measured: dict[str, Figures]) -> None:
    ratio = ratios(measured)
    print(f"\n{title}, {measured['rust']['pictures']} pictures, ms a picture")
    print(f"{'':18}" + "".join(f"{name:>10}" for name in measured) + f"{'ratio':>10}")
    for stage in (*STAGES, "total"):
        note = " (network)" if stage in NETWORK else ""
        values = "".join(f"{figures['ms'][stage]:10.2f}" for figures in measured.values())
        print(f"{stage + note:18}{values}{ratio[stage]:10.2f}")
    for name, key in (("images a second", "images_per_second"), ("peak memory, MiB", "peak_mib")):
        print(f"{name:18}" + "".join(f"{figures[key]:10.1f}" for figures in measured.values()))
    ours = measured["rust"].pop("texts")
    for name, figures in measured.items():
        if name != "rust":
            same = sum(a == b for a, b in zip(ours, figures.pop("texts"), strict=True))
            figures["same_texts"] = same
            print(f"{name} reads the same plates as Rust in {same} of {figures['pictures']} pictures")


if __name__ == "__main__":
    sys.exit(main())
