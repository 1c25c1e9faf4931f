"""Measures the Rust core and the same work done in Python (Pillow or OpenCV, numpy, onnxruntime; the same models).

Pictures are JPEGs of 1280 x 720 and 1920 x 1080 made from the photos of PLATEHOST_SHARED (default: the folder `shared`
beside the checkout), or from the repository's sample without them. Each implementation runs in a process of its own on
one thread, one picture a call. They take turns at each picture, so that other load on the machine meets all of them
alike; the time of a stage is the mean over the pictures of the best of the rounds. A ratio is Python's time over
Rust's: above 1, Rust is ahead. OpenCV takes part where it is installed. Python knows no vehicles and reads each plate
once: their stages are not in these totals, and stand by themselves (vehicles.py); nor are the further cuts of a plate
that was not read surely. What a photo costs with all of it, in the modes `default` and `fast`, is told beside
(modes.py). The last line is one JSON object.
"""

from __future__ import annotations

import argparse
import csv
import importlib.util
import json
import os
import re
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import modes
import vehicles
from PIL import Image

ROOT = Path(__file__).resolve().parents[2]
SAMPLE = ROOT / "tests" / "fixtures" / "sample.jpg"
SIZES = ((1280, 720), (1920, 1080))
STAGES = ("decode", "letterbox", "detect", "boxes", "rectify", "read", "text")
NETWORK = ("detect", "read")
IMPLEMENTATIONS = ("rust", "opencv", "pillow")
ALONE = {"vehicles": vehicles, "modes": modes}

Figures = dict[str, Any]


def main() -> int:
    shared = Path(os.environ.get("PLATEHOST_SHARED", ROOT.parent / "shared"))
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pack", type=Path, default=ROOT / "models" / "default", help="(default: the default pack)")
    parser.add_argument("--pictures", type=int, default=24, help="pictures a size (default: 24)")
    parser.add_argument("--rounds", type=int, default=5, help="times that each is read (default: 5)")
    parser.add_argument("--shared", type=Path, default=shared, help="folder with data/photos.csv")
    parser.add_argument("--measure", choices=(*IMPLEMENTATIONS, *ALONE), help=argparse.SUPPRESS)
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    if chosen.measure in ALONE:
        print(json.dumps(ALONE[chosen.measure].cost(chosen.pack, chosen.folder, chosen.rounds)))
        return 0
    if chosen.measure:
        serve(chosen.measure, chosen.pack, chosen.folder)
        return 0
    report: Figures = {"pack": chosen.pack.name, "rounds": chosen.rounds, "sizes": {}}
    for width, height in SIZES:
        with tempfile.TemporaryDirectory(prefix="platehost-bench-") as folder:
            files = pictures(chosen.shared, Path(folder), chosen.pictures, width, height)
            measured = compare(reading_once(chosen.pack, Path(folder)), folder, files, chosen.rounds)
            alone = {part: cost_of(part, chosen.pack, folder, chosen.rounds) for part in ALONE}
        show(f"{width} x {height}", measured)
        for part, figures in alone.items():
            ALONE[part].show(figures)
        report["sizes"][f"{width}x{height}"] = {**measured, "ratio": ratios(measured), **alone}
    print(json.dumps(report))
    return 0


def is_there(implementation: str) -> bool:
    module = {"opencv": "cv2", "pillow": "PIL", "rust": "core_rs"}[implementation]
    return importlib.util.find_spec(module) is not None


def compare(pack: Path, folder: str, files: int, rounds: int) -> dict[str, Figures]:
    """Has each implementation read each picture in turn, and gives the figures of each."""
    readers = {name: Reader(name, pack, folder) for name in IMPLEMENTATIONS if is_there(name)}
    best: dict[str, list[dict[str, float]]] = {name: [] for name in readers}
    texts: dict[str, list[list[str]]] = {name: [] for name in readers}
    for n in range(files):
        runs: dict[str, list[dict[str, float]]] = {name: [] for name in readers}
        for _ in range(rounds):
            for name, reader in readers.items():
                answer = reader.ask(n)
                runs[name].append(answer["ms"])
        for name, reader in readers.items():
            texts[name].append(reader.ask(n)["texts"])
            best[name].append({stage: min(run[stage] for run in runs[name]) for stage in (*STAGES, "total")})
    measured: dict[str, Figures] = {}
    for name, reader in readers.items():
        ms = {stage: round(statistics.mean(run[stage] for run in best[name]), 3) for stage in (*STAGES, "total")}
        measured[name] = {
            "ms": ms,
            "images_per_second": round(1000 / ms["total"], 2),
            "peak_mib": reader.end(),
            "pictures": files,
            "plates": sum(map(len, texts[name])),
            "same_texts": sum(a == b for a, b in zip(texts["rust"], texts[name], strict=True)),
        }
    return measured


ONE_THREAD = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"), "1")


def reading_once(pack: Path, folder: Path) -> Path:
    """A copy of the pack in `folder` that reads each plate in one cut."""
    copy = folder / pack.name
    shutil.copytree(pack, copy)
    manifest = copy / "manifest.toml"
    manifest.write_text(
        re.sub(r"^\[plate_reader\.reread\]\n(?:[^\[].*\n?|\n)*", "", manifest.read_text(), flags=re.MULTILINE)
    )
    return copy


def cost_of(part: str, pack: Path, folder: str, rounds: int) -> Figures:
    command = [sys.executable, __file__, "--measure", part, "--folder", folder, "--pack", str(pack)]
    command += ["--rounds", str(rounds)]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True, env=os.environ | ONE_THREAD)
    figures: Figures = json.loads(done.stdout)
    return figures


class Reader:
    """One implementation in a process of its own, so that peak memory is that of it alone."""

    def __init__(self, implementation: str, pack: Path, folder: str) -> None:
        command = [sys.executable, __file__, "--measure", implementation, "--folder", folder, "--pack", str(pack)]
        self._process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=os.environ | ONE_THREAD
        )
        self.ask(0)  # the first call warms caches

    def ask(self, picture: int) -> Figures:
        """Texts and milliseconds of one picture."""
        if self._process.stdin is None or self._process.stdout is None:
            raise RuntimeError("the process was started without pipes")
        print(picture, file=self._process.stdin, flush=True)
        line = self._process.stdout.readline()
        if not line:
            raise SystemExit("a measured process died; its error is above")
        answer: Figures = json.loads(line)
        return answer

    def end(self) -> float:
        """Ends the process and gives its peak memory in MiB."""
        peak: float = self.ask(-1)["peak_mib"]
        self._process.communicate()
        return peak


def pictures(shared: Path, folder: Path, count: int, width: int, height: int) -> int:
    """Writes `count` JPEGs of the size, cut from photos with a labelled plate in them. Gives their number."""
    table = shared / "data" / "photos.csv"
    if not table.exists():
        sources: list[tuple[Path, float | None]] = [(SAMPLE, None)]
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
    return len(sources)


def serve(implementation: str, pack: Path, folder: Path) -> None:
    """Answers each picture's number on a line of its own, until -1."""
    files = [path.read_bytes() for path in sorted(folder.glob("*.jpg"))]
    read = {"rust": rust, "opencv": python, "pillow": python}[implementation](implementation, pack)
    for line in sys.stdin:
        if int(line) < 0:
            peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
            print(json.dumps({"peak_mib": round(peak, 1)}), flush=True)
            return
        start = time.perf_counter()
        found, stages = read(files[int(line)])
        spent = (time.perf_counter() - start) * 1000
        stages["total"] = spent - sum(stages.get(stage, 0.0) for stage in vehicles.PHOTO)
        print(json.dumps({"ms": stages, "texts": sorted(found)}), flush=True)


Read = Callable[[bytes], tuple[list[str], dict[str, float]]]


def rust(_: str, pack: Path) -> Read:
    import core_rs

    engine = vehicles.open_engine(pack)
    # Rules about vehicles, and the second look at them, are none of Python's work.
    options = core_rs.Options(zoom_in_vehicles=0, plates_per_vehicle=64)

    def read(image: bytes) -> tuple[list[str], dict[str, float]]:
        [answer] = engine.recognise([image], [options])
        if isinstance(answer, core_rs.CoreError):
            raise answer
        return [plate.text for plate in answer.plates], answer.timings

    return read


def python(library: str, pack: Path) -> Read:
    from python_pipeline import Pipeline

    return Pipeline(pack, library).recognise


def ratios(measured: dict[str, Figures]) -> dict[str, dict[str, float]]:
    """For each Python: its time over Rust's, by stage."""
    ours = measured["rust"]["ms"]
    return {
        name: {stage: round(figures["ms"][stage] / max(ours[stage], 0.001), 2) for stage in ours}
        for name, figures in measured.items()
        if name != "rust"
    }


def show(title: str, measured: dict[str, Figures]) -> None:
    ours, ratio = measured["rust"], ratios(measured)
    print(f"\n{title}, {ours['pictures']} pictures with {ours['plates']} plates read, ms a picture")
    print(f"{'':18}" + "".join(f"{name:>10}" for name in measured) + "".join(f"{f'{name} /':>10}" for name in ratio))
    for stage in (*STAGES, "total"):
        note = " (network)" if stage in NETWORK else ""
        values = "".join(f"{figures['ms'][stage]:10.2f}" for figures in measured.values())
        print(f"{stage + note:18}{values}" + "".join(f"{each[stage]:10.2f}" for each in ratio.values()))
    for name, key in (("images a second", "images_per_second"), ("peak memory, MiB", "peak_mib")):
        print(f"{name:18}" + "".join(f"{figures[key]:10.1f}" for figures in measured.values()))
    for name, figures in measured.items():
        if name != "rust":
            print(f"{name} reads the same plates as Rust in {figures['same_texts']} of {figures['pictures']} pictures")


if __name__ == "__main__":
    sys.exit(main())
