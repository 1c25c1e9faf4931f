"""The figures as Markdown tables, of one pack or of two side by side with their difference."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

Figures = dict[str, Any]
TITLES = {"source": "by source", "country": "by country", "width": "by plate width", "blur": "by blur"}
MOST_CONFUSIONS = 15


def report(evaluations: Sequence[Figures], folder: str, split: str) -> str:
    """`evaluations`: figures of one or two packs; the difference is the first less the second."""
    given = "".join(f" {name}={value}" for name, value in evaluations[0].get("options", {}).items())
    lines = [f"# {' beside '.join(each['pack'] for each in evaluations)}", ""]
    lines += [f"Split `{split}` of {folder}." + (f" Options:{given}." if given else ""), ""]
    lines += table(
        ["pack", "MB", "mode", "threshold_d", "pictures that failed"],
        [
            [each["pack"], f"{each['bytes'] / 1e6:.2f}", each["mode"], f"{each['threshold_d']:g}", str(each["failed"])]
            for each in evaluations
        ],
    )
    if len(evaluations) == 2:
        lines += ["In a cell with three figures: the first pack, the second, the difference.", ""]
    for kind in ("photos", "crops"):
        if any(each[kind]["all"] for each in evaluations):
            lines += _breakdowns(kind, [each[kind] for each in evaluations])
    if any(each["crops_as_photos"]["all"] for each in evaluations):
        lines += _sent([each["crops_as_photos"] for each in evaluations])
    if evaluations[0]["curve"]:
        lines += _curve(evaluations)
    lines += _reliability(evaluations)
    lines += _regions(evaluations)
    lines += _confusions(evaluations)
    return "\n".join(lines)


def times(found: Figures, names: Sequence[str]) -> str:
    """The table of `training.evaluate.speed.times`."""
    rows = [
        [name, f"{each['ms']:.1f}", f"{each['cpu_ms']:.1f}"] for name, each in zip(names, found["packs"], strict=True)
    ]
    lines = ["## Time per photo", "", f"One core, decoding included, median of {found['photos']} photos.", ""]
    lines += table(["pack", "ms by the clock", "ms of the processor"], rows)
    if "ratio" in found:
        lines += [f"Processor time, {names[0]} over {names[1]}, in turns: **{found['ratio']:.2f}**", ""]
    return "\n".join(lines)


def _breakdowns(kind: str, packs: Sequence[dict[str, Any]]) -> Iterator[str]:
    yield f"## {kind.capitalize()}"
    yield ""
    if kind == "photos":
        yield "`n` labelled plates, `t` those with a text in A-Z, 0-9; a plate that is not found is read wrong."
        yield "`precision`: a real plate that nobody labelled counts against it."
    else:
        yield "Pictures that are known to be one plate. `t` plates with a text in A-Z, 0-9."
    yield "`merged`: O = 0 and I = 1. `cer`: edit distance over characters. `+-`: half of the 95 % interval of `exact`."
    yield ""
    yield from _groups("all", kind, packs)
    for group, title in TITLES.items():
        yield f"### {kind.capitalize()} {title}"
        yield ""
        yield from _groups(group, kind, packs)


def _sent(packs: Sequence[dict[str, Any]]) -> Iterator[str]:
    yield "## Crops sent as photos"
    yield ""
    yield "Through the whole pipeline: the detection with the highest score counts; without one the crop is read wrong."
    yield ""
    for group in ("all", "country"):
        yield from _groups(group, "crops", packs)


def _groups(group: str, kind: str, packs: Sequence[dict[str, Any]]) -> Iterator[str]:
    tables = [pack[group] for pack in packs]
    found = kind == "photos"
    precise = found and group not in ("width", "blur")
    header = ["", *(["n", "det50"] if found else []), *(["precision"] if precise else [])]
    rows = []
    for name in tables[0]:
        each = [table[name] for table in tables]
        row = [name]
        if found:
            row += [str(each[0]["plates"]), _cell(each, "det50")]
        if precise:
            row.append(_cell(each, "precision"))
        row += [str(each[0]["texts"]), *(_cell(each, key) for key in ("exact",)), number(each[0]["interval"])]
        rows.append([*row, _cell(each, "merged"), _cell(each, "cer")])
    yield from table([*header, "t", "exact", "+-", "merged", "cer"], rows)


def _curve(packs: Sequence[Figures]) -> Iterator[str]:
    yield "## Detection threshold"
    yield ""
    first = packs[0]["curve"][0]
    yield f"{first['plates']} plates, {first['wide_plates']} of them at least 48 pixels wide."
    yield ""
    rows = []
    for at in range(len(packs[0]["curve"])):
        each = [pack["curve"][at] for pack in packs]
        cells = [_cell(each, key) for key in ("det50", "det50_wide", "precision", "precision_by_eye")]
        rows.append([f"{each[0]['threshold_d']:.2f}", *cells, " / ".join(str(pack["detections"]) for pack in each)])
    heads = ["threshold_d", "det50", "det50, >= 48 px", "precision", "precision by eye", "detections"]
    yield from table(heads, rows)
    yield "`precision by eye`: plates that nobody labelled (training/labels/unlabelled.csv) count as plates."
    yield ""
    if len(packs) == 2:
        own = packs[1]["photos"]["all"]["all"]
        for kind, same in packs[0]["at_precision"].items():
            at, name = same["point"], kind.replace("_", " ")
            text = f"At the {name} of {packs[1]['pack']} ({number(same['asked'])}; its det50: {number(own['det50'])})"
            if at:
                yield (
                    f"{text}, {packs[0]['pack']} has det50 **{number(at['det50'])}**, and {number(at['det50_wide'])} "
                    f"of plates at least 48 pixels wide, with threshold_d {at['threshold_d']:.3f} ({name} "
                    f"{number(at[kind])})."
                )
            else:
                yield f"{text}, {packs[0]['pack']} finds nothing: no threshold reaches it."
            yield ""


def _reliability(packs: Sequence[Figures]) -> Iterator[str]:
    yield "## Are scores chances?"
    yield ""
    yield "`right`: detections that cover a labelled plate; readings that are exact; regions that are the country."
    yield ""
    for pack in packs:
        kinds = [
            ("dscore of detections", pack["reliability"]["dscore"]),
            ("score of readings", pack["reliability"]["score"]),
            ("score of regions", pack["region"]["all"]["reliability"]),
        ]
        for title, each in kinds:
            if each["n"]:
                about = each["about_0.9"]
                near = f"{about['right']:.3f} of {about['n']} are right" if about else "there is none"
                yield f"### {pack['pack']}: {title}"
                yield ""
                yield f"Calibration error **{each['ece']:.3f}** over {each['n']}. With a score of 0.85 to 0.95, {near}."
                yield ""
                rows = [
                    [f"{b['from']:.1f} to {b['to']:.1f}", str(b["n"]), number(b["score"]), number(b["right"])]
                    for b in each["bins"]
                ]
                yield from table(["score", "n", "mean score", "right"], rows)


REGION_ROWS = (
    ("predicted countries", "all"),
    ("unknown", "unknown"),
    ("states", "states"),
    ("states that are told", "states told"),
)


def _regions(packs: Sequence[Figures]) -> Iterator[str]:
    if any(pack["region"]["all"]["all"]["n"] + pack["region"]["all"]["unknown"]["n"] for pack in packs):
        yield "## Region"
        yield ""
        yield "Of the plates found whose label has a country that the contract predicts: how often it is told."
        yield "Unknown: plates of all other countries, and how often their region is left open or called unknown."
        yield "States: plates whose label names one; then those of them of which the pack tells one."
        yield ""
        for pack in packs:
            kinds = pack["region"]
            rows = [
                [name, *(cell for kind in ("photos", "crops", "all") for cell in _counted(kinds[kind][key]))]
                for name, key in REGION_ROWS
            ]
            for country in kinds["all"]["countries"]:
                none = {"n": 0, "right": None}
                each = [kinds[kind]["countries"].get(country, none) for kind in ("photos", "crops", "all")]
                rows.append([country, *(cell for row in each for cell in _counted(row))])
            yield f"### {pack['pack']}: region"
            yield ""
            yield from table(["", "n, photos", "right", "n, crops", "right", "n, all", "right"], rows)
    for pack in packs:
        if pack.get("guided"):
            yield f"### {pack['pack']}: exact rate with `regions`"
            yield ""
            yield "Photos and crops. None given; the plate's own country; another of this folder's, drawn by file name."
            yield ""
            rows = []
            for country, rates in pack["guided"].items():
                cells = [number(rates[given]) for given in ("none", "right", "wrong")]
                change = [_change(rates[given], rates["none"]) for given in ("right", "wrong")]
                rows.append([country, str(rates["n"]), *cells, *change])
            yield from table(["country", "n", "none", "right", "wrong", "right - none", "wrong - none"], rows)


def _confusions(packs: Sequence[Figures]) -> Iterator[str]:
    for pack in packs:
        if pack["confusions"]:
            shown = pack["confusions"][:MOST_CONFUSIONS]
            pairs = ", ".join(
                f"{each['truth'] or '(none)'} > {each['reading'] or '(lost)'} {each['n']}" for each in shown
            )
            total = sum(each["n"] for each in pack["confusions"])
            yield f"## {pack['pack']}: what is taken for what"
            yield ""
            yield f"{total} characters in plates found and read wrong; most often: {pairs}."
            yield ""


def _counted(row: dict[str, Any]) -> list[str]:
    return [str(row["n"]), number(row["right"])]


def _cell(packs: Sequence[dict[str, Any]], key: str) -> str:
    values = [pack[key] for pack in packs]
    cells = [number(value) for value in values]
    return " ".join([*cells, *([_change(values[0], values[1])] if len(values) == 2 else [])])


def number(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f}"


def _change(value: float | None, other: float | None) -> str:
    return "-" if value is None or other is None else f"{value - other:+.3f}"


def table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> Iterator[str]:
    yield f"| {' | '.join(header)} |"
    yield "|" + "---|" * len(header)
    for row in rows:
        yield f"| {' | '.join(row)} |"
    yield ""
