"""Registers' words as NPR's `vehicle` has them: English, `Ford`, `Light blue`, `petrol`."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

# Written in capitals by their makers; a vowel or a length does not tell.
_CAPITALS = {
    *("AC", "BMW", "BSA", "BYD", "DAF", "DFSK", "DS", "ERF", "FSO", "GMC", "GWM", "HMC", "JCB", "KGM", "KTM", "LDV"),
    *("LEVC", "LTI", "MAN", "MG", "MINI", "MV", "MZ", "NIU", "NSU", "SEAT", "SWM", "TVR", "UAZ", "VDL", "VW", "WMC"),
}
_OWN_SPELLING = {"MCLAREN": "McLaren", "LONDON TAXIS INT": "London Taxis Int"}
_NOTHING = {"", "n.v.t.", "niet geregistreerd", "not stated", "not known", "unknown", "other", "overig", "onbekend"}

_DUTCH_COLOURS = {
    "beige": "Beige",
    "blauw": "Blue",
    "bruin": "Brown",
    "creme": "Cream",
    "diversen": "Multi-colour",
    "geel": "Yellow",
    "grijs": "Grey",
    "groen": "Green",
    "oranje": "Orange",
    "paars": "Purple",
    "rood": "Red",
    "rose": "Pink",
    "roze": "Pink",
    "wit": "White",
    "zwart": "Black",
}
_DUTCH_FUELS = {
    "alcohol": "ethanol",
    "benzine": "petrol",
    "cng": "cng",
    "diesel": "diesel",
    "elektriciteit": "electric",
    "lng": "lng",
    "lpg": "lpg",
    "waterstof": "hydrogen",
}
_BRITISH_FUELS = {
    "electric diesel": "hybrid",
    "electricity": "electric",
    "fuel cells": "hydrogen",
    "heavy oil": "diesel",
    "hybrid electric": "hybrid",
}


def text_of(value: Any) -> str | None:
    """A register's text, None where it says nothing in so many words."""
    text = " ".join(value.split()) if isinstance(value, str) else ""
    return None if text.lower() in _NOTHING else text[:100]


def year_of(value: Any) -> int | None:
    """A year from a number, or from a text that begins with one, such as 20130104."""
    digits = re.match(r"\d{4}", str(value)) if isinstance(value, int | str) else None
    return int(digits[0]) if digits and 1886 <= int(digits[0]) <= 2100 else None


def make_of(value: Any) -> str | None:
    """`FORD` as `Ford`, `BMW` as it is."""
    text = text_of(value)
    if text is None or not text.isupper():
        return text
    return _OWN_SPELLING.get(text) or re.sub(r"[^\W\d_]+", lambda each: _cased(each[0]), text)


def _cased(word: str) -> str:
    return word if word in _CAPITALS else word.capitalize()


def british_colour(value: Any) -> str | None:
    text = text_of(value)
    return text.capitalize() if text else None


def british_fuel(value: Any) -> str | None:
    text = text_of(value)
    return _BRITISH_FUELS.get(text.lower(), text.lower()) if text else None


def dutch_colour(value: Any) -> str | None:
    """In English; a word that is not in the table is left out rather than passed on in Dutch."""
    return _DUTCH_COLOURS.get((text_of(value) or "").lower())


def dutch_fuel(rows: Sequence[Mapping[str, Any]]) -> str | None:
    """The rows of one vehicle's fuels: electric and another is a hybrid, others stand side by side (`petrol/lpg`)."""
    fuels: list[str] = []
    hybrid = False
    for row in sorted(rows, key=lambda each: str(each.get("brandstof_volgnummer", ""))):
        fuel = _DUTCH_FUELS.get((text_of(row.get("brandstof_omschrijving")) or "").lower())
        if fuel and fuel not in fuels:
            fuels.append(fuel)
        # OVC-HEV and NOVC-HEV: chargeable or not.
        hybrid = hybrid or "HEV" in str(row.get("klasse_hybride_elektrisch_voertuig", ""))
    if "hydrogen" in fuels:
        return "hydrogen"
    if hybrid or ("electric" in fuels and len(fuels) > 1):
        return "hybrid"
    return "/".join(fuels) or None
