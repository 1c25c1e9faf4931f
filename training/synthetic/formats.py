"""The formats of plate_formats.csv: their patterns, and texts drawn from them.

Pattern grammar, as the table's own checker has it: `L` any letter, `D` any digit, `[..]` one character of a class,
`(A|B)` one of several
patterns, `?` makes the item before it optional, blank . - / print a gap, anything else is itself.
"""

import csv
import random
import re
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

SEPARATORS = " -./"
# Plates whose main text is in another script; the reader knows A-Z and 0-9.
OTHER_SCRIPTS = {"kr", "th", "cn", "jp", "eg", "ir", "iq", "sa"}
# How often a country is drawn beside the rest: where the product's users are, and where drawn plates must make up for
# few photos.
SHARES = {
    "us": 8, "gb": 10, "br": 14, "ar": 12, "de": 7, "ro": 5, "tr": 5, "pk": 12, "ca": 3, "es": 3, "it": 3, "fr": 3,
    "nl": 3, "pl": 3, "in": 3, "au": 2,
}  # fmt: skip
# States where more people live, and New York, whose plates are of many shapes.
STATE_SHARES = {"us-ny": 12, "us-ca": 2, "us-nj": 2, "us-tx": 1.5, "us-fl": 1.5, "us-pa": 1}
PARENT_SHARES = {"us": 0.7, "br": 0.02, "pe": 0.02, "ca": 0.25, "au": 0.25, "ae": 0.25}
FOLDED = str.maketrans("ÄÖÜÅÆØŠŽČĆĐÑÇŞİĞ", "AOUAAOSZCCDNCSIG")
LETTERS, DIGITS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ", "0123456789"


@dataclass(frozen=True)
class Format:
    """One row of the table: `code` is the region, `size` the plate's width and height in mm."""

    code: str
    pattern: str
    background: str
    ink: str
    band: str
    typeface: str
    size: tuple[int, int]
    lines: int
    weight: float

    @property
    def country(self) -> str:
        return re.split("[-_]", self.code)[0]  # the table writes Santa Catarina as br_sc


# The table has no row for Pakistan. Shapes and weights as the labelled `train` crops have them; Islamabad, Punjab,
# Sindh, Karachi.
PAKISTANI = [
    Format("pk", pattern, "white", "black", "", "private work", (330, 160), lines, weight)
    for pattern, lines, weight in (
        ("LL-DDD", 1, 0.32), ("LLL-DDD", 1, 0.28), ("LL[A-EL-Z] DDDD", 1, 0.3), ("LL-DDDD", 1, 0.06), ("LDDDD", 1,
        0.02), ("LLL-DD", 1, 0.02),
        ("LLL-DDD", 2, 0.08), ("LLL-DDDD", 2, 0.16), ("LLL-[01]D-DDDD", 1, 0.05), ("LLL DDDDL", 2, 0.02),
    )
]  # fmt: skip


# What the table does not have, or too little of: New York's taxis, Britain's black plates of before 1973, Brazil's
# older plates, of which many are still about, Pakistan.
MORE = {
    "us-ny": [
        Format("us-ny", pattern, "white (2020) or gold (2010)", "dark blue", "NEW YORK top", "state embossed dies",
               (305, 152), 1, weight)
        for pattern, weight in (("TDDDDDDC", 0.15), ("YDDDDDDC", 0.06), ("DLDDL", 0.02))
    ],
    "gb": [
        Format("gb", pattern, "black", "silver", "", "Charles Wright", (520, 111), lines, weight)
        for pattern, lines, weight in (("LLL DDDL", 1, 0.02), ("LLL DDD", 2, 0.02))
    ],
    "br": [
        Format("br", "LLL-DDDD", "grey", "black", "state/city tag above", "Brazilian Mandatory (DIN-like)", (400, 130),
               1, 0.4)
    ],
    "pk": PAKISTANI,
}  # fmt: skip


class Formats:
    """All drawable formats, drawn by weight."""

    def __init__(self, table: Path, rng: random.Random) -> None:
        self.rng = rng
        self.by_code: dict[str, list[Format]] = defaultdict(list)
        for row in read_table(table):
            self.by_code[row.code].append(row)
        for code, forms in MORE.items():
            self.by_code[code] += forms
        self.codes = list(self.by_code)
        self.shares = [self._share(code) for code in self.codes]

    @staticmethod
    def _share(code: str) -> float:
        parent = re.split("[-_]", code)[0]
        return SHARES.get(code) or STATE_SHARES.get(code) or PARENT_SHARES.get(parent, 0.6)

    def draw(self) -> tuple[Format, str]:
        """A format and a text of it with its printed gaps, 2 to 10 characters long without them."""
        rng = self.rng
        if rng.random() < 0.08:  # vanity plates and other series: no format may teach the reader to guess
            text = "".join(rng.choices(LETTERS + DIGITS, k=rng.randint(3, 9)))
            return rng.choice(self.by_code["us"]), text
        while True:
            code = rng.choices(self.codes, self.shares)[0]
            rows = self.by_code[code]
            chosen = rng.choices(rows, [max(row.weight, 0.01) ** 0.7 for row in rows])[0]
            text = sample(chosen.pattern, rng).upper().translate(FOLDED)
            if 2 <= len(squeezed(text)) <= 10 and len(squeezed(text)) == sum(c not in SEPARATORS for c in text):
                return chosen, text


def squeezed(text: str) -> str:
    """A text as the reader gives it: A-Z and 0-9 alone."""
    return re.sub("[^A-Z0-9]", "", text)


def read_table(table: Path) -> Iterator[Format]:
    with table.open() as rows:
        for row in csv.DictReader(rows):
            if row["code"].split("-")[0] in OTHER_SCRIPTS:
                continue
            sizes = re.findall(r"(\d+)x(\d+)", row["width_mm x height_mm"]) or [("520", "110")]
            yield Format(
                row["code"], row["pattern"], row["background colour"], row["text colour"], row["band"],
                row["typeface name"],
                (int(sizes[0][0]), int(sizes[0][1])), min(2, int(row["lines"] or 1)), float(row["weight"] or 0.01),
            )  # fmt: skip


def sample(pattern: str, rng: random.Random) -> str:
    """One text of a pattern, printed gaps included. Raises ValueError for a pattern that is not of the grammar."""
    text, at = [], 0
    while at < len(pattern):
        options, nested, at = _item(pattern, at)
        optional = pattern[at : at + 1] == "?"
        at += optional
        if optional and rng.random() < 0.5:
            continue
        chosen = rng.choice(options)
        text.append(sample(chosen, rng) if nested else chosen)
    return "".join(text)


def _item(pattern: str, at: int) -> tuple[list[str], bool, int]:
    """The item at a place: its options, whether they are patterns themselves, and where the item ends."""
    if pattern[at] == "[":
        end = pattern.index("]", at)
        return _members(pattern[at + 1 : end]), False, end + 1
    if pattern[at] == "(":
        end, depth = at, 0
        while True:
            depth += {"(": 1, ")": -1}.get(pattern[end], 0)
            end += 1
            if not depth:
                return _alternatives(pattern[at + 1 : end - 1]), True, end
    if pattern[at] in "])|{}*+?":
        raise ValueError(f"stray {pattern[at]!r} in {pattern!r}")
    return list({"L": LETTERS, "D": DIGITS}.get(pattern[at], pattern[at])), False, at + 1


def _members(body: str) -> list[str]:
    members, at = [], 0
    while at < len(body):
        if body[at + 1 : at + 2] == "-" and at + 2 < len(body):
            members += [chr(c) for c in range(ord(body[at]), ord(body[at + 2]) + 1)]
            at += 3
        else:
            members.append(body[at])
            at += 1
    return members


def _alternatives(body: str) -> list[str]:
    """The patterns between `|` at the outermost level."""
    parts, depth = [""], 0
    for c in body:
        depth += {"(": 1, "[": 1, ")": -1, "]": -1}.get(c, 0)
        if c == "|" and not depth:
            parts.append("")
        else:
            parts[-1] += c
    return parts
