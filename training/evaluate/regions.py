"""The country that a pack tells, and what its reading gains or loses from being told one."""

from __future__ import annotations

import zlib
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from training.evaluate.labels import Label
from training.evaluate.metrics import Found, Judged, Scene, share
from training.evaluate.reliability import reliability
from training.evaluate.runner import Pack
from training.reader.classes import NO_REGION, PREDICTED, STATES, state_class


def country_of(code: str) -> str:
    """`us` of `us-ca`, `br` of `br_sc`."""
    return code.lower().replace("_", "-").partition("-")[0]


def region_of(judged: Judged) -> str:
    """The code of the region that was told; empty for none."""
    return judged.found.region[0] if judged.found and judged.found.region else ""


def told(judged: Sequence[Judged]) -> dict[str, Any]:
    """Of the plates that were found and whose label has a country that the contract predicts: the share whose predicted
    region is that country. Beside it, how often a plate of another country is honestly called unknown, and how often
    the state is told right: of all plates whose label has one, and of those of which one is told.
    """
    rows: dict[str, list[tuple[float, bool]]] = defaultdict(list)
    others = []
    for each in judged:
        if not each.found or not each.label.country:
            continue
        code, score = each.found.region or ("", 0.0)
        if each.label.country in PREDICTED:
            rows[each.label.country].append((score, country_of(code) == each.label.country))
        else:
            others.append(country_of(code) not in PREDICTED)
    every = [pair for pairs in rows.values() for pair in pairs]
    states = [each for each in judged if each.found and each.label.state in STATES]
    named = [(each, code) for each in states if state_class(code := region_of(each)) != NO_REGION]
    right = sum(code == each.label.state for each, code in named)
    return {
        "all": {"n": len(every), "right": share(sum(right for _, right in every), len(every))},
        "unknown": {"n": len(others), "right": share(sum(others), len(others))},
        "states": {"n": len(states), "right": share(right, len(states))},
        "states told": {"n": len(named), "right": share(right, len(named))},
        "countries": {
            country: {"n": len(pairs), "right": share(sum(right for _, right in pairs), len(pairs))}
            for country, pairs in sorted(rows.items(), key=lambda row: (-len(row[1]), row[0]))
        },
        "reliability": reliability([pair for pair in every if pair[0] > 0]),
    }


def wrong_for(file: str, country: str, countries: Sequence[str]) -> str:
    """One of `countries` other than `country`, always the same for a file, all about as often."""
    others = [each for each in countries if each != country]
    return others[zlib.crc32(file.encode()) % len(others)] if others else country


def guided(pack: Pack, folder: Path, judged: Sequence[Judged], photos: dict[str, Scene]) -> dict[str, Any]:
    """Exact rates without `regions`, with the plate's own country in it, and with another one of the folder's.

    `judged`: what was read without. Only plates with a text in A-Z, 0-9 and a country count. A photo is given the
    country of its first such plate.
    """
    wanted = [each for each in judged if each.label.readable and each.label.country]
    countries = sorted({each.label.country for each in wanted})
    own = {each.label.file: each.label.country for each in reversed(wanted)}
    other = {file: wrong_for(file, country, countries) for file, country in own.items()}
    none = [(each.label, each.right) for each in wanted]
    rates = {
        "none": none,
        "right": _read(pack, folder, wanted, photos, own),
        "wrong": _read(pack, folder, wanted, photos, other),
    }
    table: dict[str, dict[str, Any]] = {}
    for country in [
        "all",
        *sorted(countries, key=lambda each: (-sum(label.country == each for label, _ in none), each)),
    ]:
        row: dict[str, Any] = {"n": sum(country in ("all", label.country) for label, _ in none)}
        for given, pairs in rates.items():
            row[given] = share(sum(right for label, right in pairs if country in ("all", label.country)), row["n"])
        table[country] = row
    return table


def _read(
    pack: Pack, folder: Path, wanted: Sequence[Judged], photos: dict[str, Scene], given: dict[str, str]
) -> list[tuple[Label, bool]]:
    """The plates of `wanted` and whether they are read right with `given` (file to country)."""
    files = {kind: [file for file in given if (file in photos) == (kind == "photo")] for kind in ("photo", "crop")}
    found: dict[str, list[Found]] = dict(pack.photos(folder, files["photo"], [[given[f]] for f in files["photo"]]))
    read = dict(pack.crops(folder, files["crop"], [[given[file]] for file in files["crop"]]))
    labels = {each.label for each in wanted}
    answers = []
    for file in files["photo"]:
        scene = Scene(photos[file].labels, found.get(file, []))
        answers += [each for each in scene.judged(pack.threshold)[0] if each.label in labels]
    answers += [Judged(each.label, read.get(each.label.file)) for each in wanted if each.label.box is None]
    return [(each.label, each.right) for each in answers]
