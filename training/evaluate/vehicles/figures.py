"""The figures of what is told of vehicles, ready for JSON."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from training.evaluate.metrics import share, wilson
from training.evaluate.reliability import reliability
from training.evaluate.vehicles.judge import PROPERTIES, Pair, Told
from training.evaluate.vehicles.labels import VehicleLabel

UNKNOWN = "Unknown"
MISSED = "(no vehicle)"
CONFUSED = ("type", "colour", "orientation", "make")  # properties with a confusion table
STEPS = (0.0, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9)  # least scores to choose among

Table = dict[str, Any]
GROUPS: dict[str, Callable[[VehicleLabel], bool]] = {
    "all": lambda label: True,
    "commercial": lambda label: label.commercial,
    "noncommercial": lambda label: not label.commercial,
}


def properties(pairs: Sequence[Pair]) -> dict[str, Table]:
    """Of each property that the pack tells: its figures over `GROUPS` and by source, reliability and confusions."""
    found = {}
    for each in PROPERTIES:
        if not any(vehicle and each.there(vehicle) for _, vehicle in pairs):
            continue
        rows = [each.told(pair) for pair in pairs if each.truth(pair[0])]
        missed = {label for label, vehicle in pairs if vehicle is None}
        shared = [row for row in rows if row.label.commercial] or rows
        found[each.name] = {
            "asked": each.asked,
            "groups": {name: rates([row for row in rows if inside(row.label)]) for name, inside in GROUPS.items()},
            "sources": {
                source: rates([row for row in rows if row.label.source == source])
                for source in sorted({row.label.source for row in rows})
            },
            "reliability": reliability([(row.score, row.hit) for row in rows if row.best]),
            "steps": steps(shared),
            "confusions": confusions(rows, missed) if each.name in CONFUSED else {},
        }
    return found


def rates(rows: Sequence[Told]) -> Table:
    """An Unknown is wrong in `right`. forced: the share that is right when every likeliest class is answered."""
    answered = [row for row in rows if row.answered]
    right = sum(row.right for row in rows)
    return {
        "n": len(rows),
        "right": share(right, len(rows)),
        "interval": wilson(right, len(rows)),
        "answered": share(len(answered), len(rows)),
        "right_of_answered": share(right, len(answered)),
        "forced": share(sum(row.hit for row in rows), len(rows)),
    }


def steps(rows: Sequence[Told]) -> list[Table]:
    """What each least score would answer, and how much of that would be right."""
    table = []
    for least in STEPS:
        said = [row for row in rows if row.best and row.score >= least]
        hits = sum(row.hit for row in said)
        table.append(
            {
                "least": least,
                "answered": share(len(said), len(rows)),
                "right_of_answered": share(hits, len(said)),
                "right": share(hits, len(rows)),
            }
        )
    return table


def confusions(rows: Iterable[Told], missed: set[VehicleLabel]) -> dict[str, dict[str, int]]:
    """Truth to answer to count; answers that are Unknown and vehicles that were not found among them."""
    counts: dict[str, Counter[str]] = {}
    for row in rows:
        answer = row.best if row.answered else MISSED if row.label in missed else UNKNOWN
        counts.setdefault(row.truth, Counter())[answer] += 1
    return {truth: dict(answers.most_common()) for truth, answers in sorted(counts.items())}
