"""The labels' words and an answer's words brought to the contract's, so that both can be compared."""

from __future__ import annotations

import re

from training.vehicle.classes import COLOUR_WORDS, COLOURS, ORIENTATION_WORDS, TYPE_WORDS

EITHER = "/"  # between the classes of a truth that any of them meets
# Other spellings of a make, after `plain`.
MAKES = {"mercedes": "mercedesbenz", "vw": "volkswagen", "chevy": "chevrolet", "rangerover": "landrover"}


def type_of(label: str) -> str:
    """The contract's type, or nothing: a row that only says car or vehicle counts for its box alone."""
    types = TYPE_WORDS.get(label.strip().lower(), ())
    return types[0] if len(types) == 1 else ""


def colour_of(label: str, *, strict: bool = False) -> str:
    """The contract's colour, or its nearest ones, or nothing. `strict`: only a label in the contract's own words."""
    colour = label.strip().lower()
    return EITHER.join(COLOUR_WORDS.get(colour, ())) if colour in COLOURS or not strict else ""


def orientation_of(label: str) -> str:
    return EITHER.join(ORIENTATION_WORDS.get(label.strip().lower(), ()))


def meets(answer: str, truth: str) -> bool:
    return answer in truth.split(EITHER)


def make_of(name: str) -> str:
    """A make whatever its spelling: `Mercedes-Benz`, `MERCEDES BENZ` and `Mercedes` are one."""
    make = plain(name)
    return MAKES.get(make, make)


def year_of(label: str) -> str:
    """The four digits of a year; labels may have quotes after it."""
    found = re.search(r"(?:19|20)\d\d", label)
    return found.group() if found else ""


def plain(name: str) -> str:
    """Small letters and digits alone."""
    return re.sub(r"[^a-z0-9]", "", name.lower())
