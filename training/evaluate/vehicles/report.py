"""The figures of vehicles as Markdown tables."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from training.evaluate.report import number, table

Figures = dict[str, Any]
GROUPS = {"all": "all", "commercial": "without non-commercial sets", "noncommercial": "non-commercial sets"}
FOUND = 0.95  # asked of the plate's vehicle
SCORELESS = ("colour, strict", "year")  # a year has its model's score and none of its own
RATES = ("answered", "right_of_answered", "forced")


def report(figures: Figures, folder: str, split: str) -> str:
    """One pack's figures, each way of measuring by itself."""
    options = ", ".join(f"{name}={value}" for name, value in figures["options"].items())
    lines = [
        f"# Vehicles: {figures['pack']}",
        "",
        f"Split `{split}` of {folder}. " + (f"Options: {options}." if options else "Options as the API has them."),
        f"Make-model pack: {figures['make_model'] or 'none, so make, model and year are not available'}."
        + "".join(
            f" Of {each['n']} labels of {title} {number(each['right'])} are among its classes."
            for title, each in figures["known"].items()
        ),
        "",
        "As given: the networks alone on the label's own box, or on the whole picture where there is none. Whole",
        "pipeline: the vehicle that the core finds for the label; in a picture of one vehicle the largest.",
        "`right`: an Unknown and a vehicle that is not found are wrong. `+-`: half of the 95 % interval. `forced`:",
        "right if the likeliest class were always answered. Colour: grey counts as silver, beige as brown, orange as",
        "red or yellow; `strict` leaves such labels out. Makes and models are compared by letters and digits alone.",
        "",
    ]
    for name, way in figures["ways"].items():
        lines += _way(name, way)
    return "\n".join(lines)


def _way(name: str, way: Figures) -> Iterator[str]:
    yield f"## {name[0].upper()}{name[1:]}"
    yield ""
    if "boxes" in way:
        yield from _boxes(way)
    if not way["properties"]:
        yield "No property of a vehicle is available."
        yield ""
        return
    yield from table(
        ["property", "of", "n", "right", "+-", "asked", "answered", "right of answered", "forced"],
        [
            [
                title,
                GROUPS[group],
                *_rates(each["groups"][group], asked=number(each["asked"])),
            ]
            for title, each in way["properties"].items()
            for group in _groups(each)
        ],
    )
    yield f"### {name}: by source"
    yield ""
    yield from table(
        ["property", "source", "n", "right", "+-", "answered", "right of answered", "forced"],
        [
            [title, source, *_rates(rates)]
            for title, each in way["properties"].items()
            for source, rates in each["sources"].items()
        ],
    )
    for title, each in way["properties"].items():
        if each["confusions"]:
            yield from _confusions(f"### {name}: {title}, truth down, answer across", each["confusions"])
    yield from _scores(name, way["properties"])
    if way.get("cost"):
        yield from _cost(name, way["cost"])


def _groups(each: Figures) -> list[str]:
    """All, and its two parts where both have rows; the parts alone where one has none."""
    filled = [group for group in ("commercial", "noncommercial") if each["groups"][group]["n"]]
    return ["all", *filled] if len(filled) > 1 else filled or ["all"]


def _rates(rates: Figures, asked: str | None = None) -> list[str]:
    cells = [str(rates["n"]), number(rates["right"]), number(rates["interval"])]
    return [*cells, *([] if asked is None else [asked]), *(number(rates[key]) for key in RATES)]


def _boxes(way: Figures) -> Iterator[str]:
    found = way["boxes"]
    rows = [
        ["the plate's vehicle, IoU 0.5, in whole photos", number(FOUND), *_shared(found["plates"])],
        ["every labelled vehicle, IoU 0.5, in whole photos", "-", *_shared(found["scenes"])],
        ["plates that were found: tied to their vehicle", "-", *_shared(found["tied"])],
    ]
    for source, each in found["sources"].items():
        rows.append([f"{source}: labelled boxes, IoU 0.5", "-", *_shared(each["boxes"])])
        rows.append([f"{source}: pictures with a vehicle at all", "-", *_shared(each["pictures"])])
    yield from table(["found", "asked", "n", "share", "+-"], rows)
    yield f"Vehicles on no label: {number(found['others'])} a whole photo. Pictures that failed: {way['failed']}."
    yield ""


def _shared(each: Figures) -> list[str]:
    return [str(each["n"]), number(each["right"]), number(each["interval"])]


def _confusions(title: str, counts: dict[str, dict[str, int]]) -> Iterator[str]:
    """A square table, or the commonest confusions where the classes are too many for one."""
    yield title
    yield ""
    answers = sorted({answer for row in counts.values() for answer in row}, key=lambda each: (each[0] in "(U", each))
    if len(answers) <= 12:
        rows = [[truth, *(str(row.get(answer, "")) for answer in answers)] for truth, row in counts.items()]
        yield from table(["", *answers], rows)
        return
    wrong = sorted(
        ((n, truth, answer) for truth, row in counts.items() for answer, n in row.items() if truth != answer),
        key=lambda each: (-each[0], each[1:]),
    )
    yield "The commonest: " + ", ".join(f"{truth} > {answer} {n}" for n, truth, answer in wrong[:30]) + "."
    yield ""


def _scores(name: str, properties: Figures) -> Iterator[str]:
    yield f"### {name}: are scores chances?"
    yield ""
    for title, each in properties.items():
        kept: Figures = each["reliability"]
        if kept["n"] and title not in SCORELESS and title != "make and model, top 3":
            yield f"{title}: calibration error **{kept['ece']:.3f}** over {kept['n']}."
            yield ""
            yield from table(
                ["score", "n", "mean score", "right"],
                [
                    [f"{b['from']:.1f} to {b['to']:.1f}", str(b["n"]), number(b["score"]), number(b["right"])]
                    for b in kept["bins"]
                ],
            )
    if name.startswith("as given"):
        yield f"### {name}: what each least score would answer"
        yield ""
        yield "Share answered / right of the answered / right of all; without non-commercial sets where others are."
        yield ""
        shown = {title: each["steps"] for title, each in properties.items() if title not in SCORELESS}
        yield from table(["property", *(f"{step['least']:g}" for step in next(iter(shown.values())))], _steps(shown))


def _steps(shown: dict[str, Sequence[Figures]]) -> Iterator[list[str]]:
    for title, steps in shown.items():
        yield [
            title,
            *(" / ".join(number(step[key]) for key in ("answered", "right_of_answered", "right")) for step in steps),
        ]


def _cost(name: str, cost: Figures) -> Iterator[str]:
    yield f"### {name}: time"
    yield ""
    yield (
        f"One core, {cost['photos']} photos, the core's own clock. Without mmc vehicles add "
        f"**{cost['photo']['median']:.2f} ms** to a photo (median; mean {cost['photo']['mean']:.2f}), zoom and what "
        f"a shared detector takes for them aside. mmc takes "
        + (f"**{cost['vehicle']:.2f} ms** for each of {cost['vehicles']} vehicles." if cost["vehicles"] else "nothing.")
    )
    yield ""
    stages = cost["stages"]
    yield from table(
        ["ms a photo, mean", *stages["mmc"]],
        [
            [title, *(f"{stages[key].get(stage, 0.0):.2f}" for stage in stages["mmc"])]
            for title, key in (("without mmc", "plain"), ("mmc, detection_mode vehicle", "mmc"))
        ],
    )
