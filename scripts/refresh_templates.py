"""Write core_rs/src/templates/formats.csv again from a table of plate formats.

Usage: python scripts/refresh_templates.py [FORMATS.csv] [--out TABLE.csv]

FORMATS.csv has the columns code, pattern, letters, weight and source; the default is reference/plate_formats.csv in the
folder that PLATEHOST_SHARED names. What changes on the way: accents are folded, because the reader knows A-Z and 0-9
alone; patterns of other scripts are left out; numbers that may have one digit alone start with no 0; letters that the
table's remarks firmly rule out become the column `excluded`; rows of one region and one shape become one.
"""

from __future__ import annotations

import argparse
import csv
import os
import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
TABLE = ROOT / "core_rs" / "src" / "templates" / "formats.csv"
FOLDED = str.maketrans("ÄÖÜÅÆØŠŽČĆĐÑÇŞİĞ", "AOUAAOSZCCDNCSIG")
EXCLUDED = re.compile(r"^(?:no|serial without|.*; serial without) ((?:vowels|[A-Z])(?:[ ,]+[A-Z](?![a-z]))*)")
# Remarks of habit, not of rule.
DOUBTFUL = re.compile(r"rare|rarely|mostly|early|seldom|usually|\?")
# A number that may have one digit alone is not padded: it starts with no 0.
UNPADDED = re.compile(r"(?<!D)D(?=D\?)")
# What the table tells in a remark alone, or not at all; and shapes and shares as the labelled training crops have them.
OWN = [
    ("nl", "OL-DD-LL", "AEIOU", 0.01, "own knowledge: semitrailers"),
    ("at", "LL? [1-9]D?LLL", "", 0.1, "own knowledge: serials that end in three letters"),
    ("us-ny", "YDDDDDDC", "", 0.01, "own knowledge: taxis"),
    ("us-ny", "DLDDL", "", 0.005, "own knowledge: taxis"),
] + [
    ("pk", pattern, "", weight, "own count of labelled crops")
    for pattern, weight in (
        ("LL-DDD", 0.32), ("LLL-DDD", 0.25), ("LLL DDDD", 0.22), ("LLL DD DDDD", 0.1), ("LL-DDDD", 0.05),
        ("LDDDD", 0.02), ("LLL-DD", 0.01), ("LLL-DDDDD", 0.01), ("LLL DDDDL", 0.01), ("LLL DD DDDDL", 0.01),
    )
]  # fmt: skip

Row = tuple[str, str, str, float, str]


def excluded(letters: str) -> str:
    """Letters that a remark such as `no I, O, Q in use` rules out, in order; nothing where it only says rarely."""
    first = re.split(r"[;(]", letters.removeprefix("city code may carry Č Š Ž; "))[0]
    found = EXCLUDED.match(first.strip())
    if not found or DOUBTFUL.search(first) or "in first" in first:
        return ""
    named = found.group(1).replace("vowels", "A E I O U")
    return "".join(sorted(set(re.findall("[A-Z]", named))))


def rows(source: Path) -> list[Row]:
    """The table's rows, by region and shape."""
    found: dict[tuple[str, str], Row] = {}
    with source.open(encoding="utf-8", newline="") as lines:
        for row in csv.DictReader(lines):
            pattern = row["pattern"].translate(FOLDED).replace("-ZAOU]", "-Z]").replace("AA]", "A]")
            weight = float(row["weight"] or 0)
            if not pattern.isascii() or weight <= 0:
                continue
            without = excluded(row["letters"]) if "L" in re.sub(r"\[[^]]*\]", "", pattern) else ""
            pattern = UNPADDED.sub("[1-9]", pattern)
            key = row["code"], re.sub("[ ./-]", "", pattern)
            origin = re.sub("[,\n]", " ", row["source"].split(";")[0])
            if key in found:
                # Cars and motorcycles of one shape; the first row's gaps and letters stay.
                weight += found[key][3]
                pattern, without, origin = found[key][1], found[key][2], found[key][4]
            found[key] = (row["code"], pattern, without, weight, origin)
    return [*found.values(), *OWN]


def main() -> None:
    shared = Path(os.environ.get("PLATEHOST_SHARED", ROOT.parent / "shared"))
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("formats", type=Path, nargs="?", default=shared / "reference" / "plate_formats.csv")
    parser.add_argument("--out", type=Path, default=TABLE)
    args = parser.parse_args()
    with args.out.open("w", encoding="utf-8", newline="\n") as out:
        out.write("code,pattern,excluded,weight,source\n")
        for code, pattern, without, weight, origin in sorted(rows(args.formats), key=lambda row: row[0]):
            out.write(f"{code},{pattern},{without},{min(weight, 1):.4g},{origin}\n")


if __name__ == "__main__":
    main()
