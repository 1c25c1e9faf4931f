"""Contact sheets of what is told wrong of vehicles. They show people's plates: never for the repository."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from training.evaluate.sheets import Tile, sheet_of, short, view
from training.evaluate.vehicles.evaluation import VehicleEvaluation
from training.evaluate.vehicles.figures import CONFUSED
from training.evaluate.vehicles.judge import PROPERTIES, Told, Vehicle
from training.evaluate.vehicles.labels import VehicleLabel, area

ROOM = 0.05  # of a vehicle's side, shown around it


def draw_vehicles(folder: Path, found: VehicleEvaluation, out: Path) -> list[str]:
    """A sheet of each property's wrong guesses, of missed vehicles and of those without a label. A line on each."""
    drawn = {}
    for each in PROPERTIES:
        if each.name in CONFUSED:
            told = [each.told(pair) for pair in found.given if each.truth(pair[0])]
            name = f"wrong-{each.name}"
            drawn[name] = wrong(folder, told, out / f"{name}.png")
    drawn["missed-vehicles"] = _missed(folder, found.missed, out / "missed-vehicles.png")
    drawn["other-vehicles"] = _others(folder, found.others, out / "other-vehicles.png")
    return [f"{n} {name.replace('-', ' ')}" + (f": {out / name}.png" if n else "") for name, n in drawn.items()]


def wrong(folder: Path, told: Sequence[Told], path: Path) -> int:
    """Wrong guesses, answered or not, the surest first: truth, guess and score. Returns their number."""
    rows = sorted((each for each in told if each.best and not each.hit), key=lambda each: -each.score)

    def tile(each: Told) -> Tile:
        said = "" if each.answered else " (Unknown)"
        lines = [
            each.truth,
            f"{each.best}  {each.score:.2f}{said}",
            f"{each.label.type} {short(each.label.source)[:16]}",
        ]
        return view(folder / each.label.file, each.label.box, ROOM, []), lines

    return sheet_of(rows, tile, path)


def _missed(folder: Path, labels: Sequence[VehicleLabel], path: Path) -> int:
    def tile(label: VehicleLabel) -> Tile:
        return view(folder / label.file, label.box, 0.5, [label.box] if label.box else []), [Path(label.file).stem]

    return sheet_of(sorted(labels, key=lambda label: -area(label.box)), tile, path)


def _others(folder: Path, others: Sequence[tuple[str, Vehicle]], path: Path) -> int:
    def tile(row: tuple[str, Vehicle]) -> Tile:
        file, vehicle = row
        marks = [vehicle.box] if vehicle.box else []
        return view(folder / file, vehicle.box, 0.5, marks), [f"{vehicle.score:.2f}", Path(file).stem]

    return sheet_of(sorted(others, key=lambda row: -row[1].score), tile, path)
