"""What vehicles cost, by the core's own clock: the part of `core.py` that runs in a process of its own.

A photo without mmc: `vehicles` (their boxes; a network that plates and vehicles share runs in `detect`), `zoom` (the
second look at vehicles without a plate) and `attributes`. A vehicle with mmc: `attributes` and `make_model`. Times are
means over the pictures, or the vehicles, of the best of the rounds.
"""

from __future__ import annotations

import importlib.util
import statistics
from pathlib import Path
from typing import Any

PHOTO = ("vehicles", "zoom", "attributes")
VEHICLE = ("attributes", "make_model")

Figures = dict[str, Any]


def open_engine(pack: Path, make_model: Path | None = None) -> Any:
    """The core with a pack, its runtime loaded."""
    import core_rs

    spec = importlib.util.find_spec("onnxruntime")
    if spec is None or spec.origin is None:
        raise SystemExit("onnxruntime is not installed; scripts/run makes the environment")
    core_rs.init(next(Path(spec.origin).parent.glob("capi/libonnxruntime.so*")))
    return core_rs.Engine(pack, make_model_dir=make_model)


def beside(pack: Path) -> Path | None:
    """The make-model pack beside a pack, where it is there, as the service looks for it."""
    folder = pack.resolve().parent / "make-model"
    return folder if folder.is_dir() else None


def cost(pack: Path, folder: Path, rounds: int) -> Figures:
    """Milliseconds a photo and a vehicle, of the JPEGs in `folder`; without figures where the pack has no vehicles."""
    import core_rs

    make_model = beside(pack)
    engine = open_engine(pack, make_model)
    if not any(stage.stage == "vehicle_detector" for stage in engine.pack.stages):
        return {"stages": False}
    files = [path.read_bytes() for path in sorted(folder.glob("*.jpg"))]
    plain, full = core_rs.Options(), core_rs.Options(mmc=True, detection_mode="vehicle")

    def best(image: bytes, options: core_rs.Options, names: tuple[str, ...]) -> tuple[int, dict[str, float]]:
        answers = [engine.recognise([image], [options])[0] for _ in range(rounds)]
        for answer in answers:
            if isinstance(answer, core_rs.CoreError):
                raise answer
        return len(answers[0].vehicles), {name: min(each.timings[name] for each in answers) for name in names}

    for image in files[:2]:  # the first calls warm caches
        best(image, full, VEHICLE)
    photos = [best(image, plain, PHOTO) for image in files]
    vehicles = [best(image, full, VEHICLE) for image in files]
    count = sum(number for number, _ in vehicles)
    photo = {name: round(statistics.mean(ms[name] for _, ms in photos), 3) for name in PHOTO}
    vehicle = {name: round(sum(ms[name] for _, ms in vehicles) / max(count, 1), 3) for name in VEHICLE}
    return {
        "stages": True,
        "make_model": make_model is not None,
        "pictures": len(files),
        "photo_ms": {**photo, "total": round(sum(photo.values()), 3)},
        "vehicles": count,
        "vehicle_ms": {**vehicle, "total": round(sum(vehicle.values()), 3)} if count else None,
    }


def show(figures: Figures) -> None:
    if not figures["stages"]:
        print("vehicles: the pack does not find any")
        return
    print(f"vehicles, {figures['pictures']} pictures with {figures['vehicles']} vehicles, ms")
    for title, part in (("a photo, without mmc", "photo_ms"), ("a vehicle, with mmc", "vehicle_ms")):
        ms = figures[part] or {}
        print(f"{title:22}" + "".join(f"{name:>12} {value:7.2f}" for name, value in ms.items()))
    if not figures["make_model"]:
        print("no make-model pack lies beside the pack: its stage is not in these figures")
