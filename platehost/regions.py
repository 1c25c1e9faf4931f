"""Region codes, their names, and how plates are spaced there.

The table is regions.csv: code, name, and the plate templates of a region, the most common first. In a template L is a
letter, D a digit, `?` makes the one before it optional, and a space, dash or dot is a printed gap.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator
from functools import cache
from importlib import resources

GAPS = " -."

# Upper case alone: in lower case some of them are countries.
EGYPTS_GOVERNORATES = {
    *("ALX", "ASN", "AST", "BA", "BH", "BNS", "C", "DK", "DT", "FYM", "GH", "GZ", "IS", "JS"),
    *("KB", "KFS", "KN", "LX", "MN", "MNF", "MT", "PTS", "SHG", "SHR", "SIN", "SUZ", "WAD"),
}


@cache
def _table() -> dict[str, tuple[str, tuple[str, ...]]]:
    """Code to name and templates. Some codes name two countries (`cy`, `gp`, `np`); their templates are joined."""
    table: dict[str, tuple[str, tuple[str, ...]]] = {}
    with resources.files("platehost").joinpath("regions.csv").open(encoding="utf-8") as lines:
        for row in csv.DictReader(lines):
            templates = tuple(row["templates"].split("|")) if row["templates"] else ()
            name, known = table.get(row["code"], (row["name"], ()))
            table[row["code"]] = (name, (*known, *(each for each in templates if each not in known)))
    return table


def normalise(code: str) -> str | None:
    """The table's own spelling of a region code, or None when the code is not known.

    Case and the kind of dash do not matter: `BR-SC` is the table's `br_sc`.
    """
    code = code.strip().lower()
    for spelling in (code, code.replace("-", "_"), code.replace("_", "-")):
        if spelling in _table():
            return spelling
    return None


def meant(code: str) -> tuple[str, ...]:
    """The regions, in the table's spelling, that a client means by `code`; nothing when it is not known.

    `DK` is one of Egypt's governorates and, since case does not matter, Denmark: it then means both.
    """
    spelling = normalise(code)
    found = (spelling,) if spelling else ()
    return (*found, "eg") if code.strip() in EGYPTS_GOVERNORATES else found


def name(code: str) -> str | None:
    """The English name of a region, None when the code is not known."""
    spelling = normalise(code)
    return _table()[spelling][0] if spelling else None


def spaced(text: str, region: str | None) -> str:
    """`text` (A-Z, 0-9) with the gaps that are printed in `region`; unchanged where they cannot be told for certain.

    A template that fits in more than one way (a German `M AB 123` or `MA B 123`) says nothing: no gap is better than a
    wrong one.
    """
    for code in enclosing(region or ""):
        printed = _shapes(code).get(_shape(text))
        if printed:
            return _print(text, printed)
    return text


def fits(text: str, region: str) -> bool:
    """Whether `text` (A-Z, 0-9) has the shape of a plate of this region, or of one that encloses it."""
    return any(_shape(text) in _shapes(code) for code in enclosing(region))


def enclosing(region: str) -> Iterator[str]:
    """The region in the table's spelling and those around it: us-ca, us. Nothing for an unknown one."""
    code = normalise(region)
    while code:
        yield code
        code = normalise(code.replace("_", "-").rpartition("-")[0])


def _shape(text: str) -> str:
    return "".join("D" if each.isdigit() else "L" for each in text)


def _print(text: str, printed: str) -> str:
    characters = iter(text)
    return "".join(each if each in GAPS else next(characters) for each in printed)


@cache
def _shapes(code: str) -> dict[str, str]:
    """Shape without gaps to shape with gaps, for the templates of one region."""
    shapes: dict[str, str] = {}
    for template in _table()[code][1]:
        ways: dict[str, set[str]] = {}
        for printed in _expand(template):
            ways.setdefault("".join(each for each in printed if each not in GAPS), set()).add(printed)
        for shape, choices in ways.items():
            if shape not in shapes:
                # An empty string keeps a less common template from claiming what a common one leaves open.
                shapes[shape] = choices.pop() if len(choices) == 1 else ""
    return shapes


def _expand(template: str) -> list[str]:
    """Every printed form of a template, without gaps at the ends or next to each other."""
    forms = [""]
    position = 0
    while position < len(template):
        optional = template[position + 1 : position + 2] == "?"
        forms = [form + template[position] for form in forms] + (forms if optional else [])
        position += 2 if optional else 1
    return [_tidy(form) for form in forms]


def _tidy(form: str) -> str:
    kept = ""
    for each in form:
        if each in GAPS and (not kept or kept[-1] in GAPS):
            continue
        kept += each
    return kept.rstrip(GAPS)
