"""Figures by group: source, country, plate width and blur."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Any

from training.evaluate.blur import SHARP
from training.evaluate.labels import Label
from training.evaluate.metrics import Counts, Judged, Outcome

WIDTHS = (24, 32, 48, 64, 96, 128, 192)  # pixels
BLURS = (0.05, 0.1, 0.2, 0.3, SHARP, 1.0)
LEAST_COUNTRY = 5  # plates; a country with fewer stands under "other"

Table = dict[str, dict[str, Any]]


def tables(outcome: Outcome) -> dict[str, Table]:
    """One table each for "all", "source", "country", "width" and "blur": group to `Counts.rates`.

    A box that covers nothing belongs to the source and country of its photo; it has no width and no blur of a label, so
    those tables have no precision.
    """
    labels = [judged.label for judged in outcome.judged]
    often = Counter(label.country for label in labels)
    frequent = {country for country, n in often.items() if country and n >= LEAST_COUNTRY}

    def country(label: Label) -> list[str]:
        return [label.country if label.country in frequent else "other" if label.country else "not told"]

    return {
        "all": _table(outcome, lambda label: ["all"], ["all"], by_photo=True),
        "source": _table(outcome, lambda label: [label.source or "not told"], [], by_photo=True),
        "country": _table(outcome, country, [*sorted(frequent), "other", "not told"], by_photo=True),
        "width": _table(outcome, _widths, [*_names(WIDTHS, " px"), ">= 48 px", ">= 96 px"], by_photo=False),
        "blur": _table(outcome, _blurs, [*_names(BLURS, ""), *_SHARP], by_photo=False),
    }


_SHARP = ["sharp", ">= 96 px and sharp", ">= 96 px and not sharp"]


def _widths(label: Label) -> list[str]:
    return [_bin(label.width, WIDTHS, " px"), *(f">= {edge} px" for edge in (48, 96) if label.width >= edge)]


def _blurs(label: Label) -> list[str]:
    sharp = label.sharpness >= SHARP
    wide = [">= 96 px and sharp" if sharp else ">= 96 px and not sharp"] if label.width >= 96 else []
    return [_bin(label.sharpness, BLURS, ""), *(["sharp"] if sharp else []), *wide]


def _names(edges: Sequence[float], unit: str) -> list[str]:
    inner = [f"{low} to {high}{unit}" for low, high in pairwise(edges)]
    return [f"under {edges[0]}{unit}", *inner, f"from {edges[-1]}{unit}"]


def _bin(value: float, edges: Sequence[float], unit: str) -> str:
    return _names(edges, unit)[sum(value >= edge for edge in edges)]


def _table(outcome: Outcome, groups: Callable[[Label], list[str]], order: list[str], *, by_photo: bool) -> Table:
    counts: dict[str, Counts] = {}

    def of(label: Label) -> list[Counts]:
        return [counts.setdefault(group, Counts()) for group in groups(label)]

    first: dict[str, Judged] = {}
    for judged in outcome.judged:
        first.setdefault(judged.label.file, judged)
        for each in of(judged.label):
            each.add_label(judged)
    if by_photo:
        for judged in outcome.judged:
            if judged.found and judged.label.box:
                for each in of(first[judged.label.file].label):
                    each.add_detections(1, 1)
        for file, _ in outcome.false:
            for each in of(first[file].label):
                each.add_detections(1, 0)
    names = [name for name in order if name in counts] if order else sorted(counts)
    return {name: counts[name].rates() for name in names}
