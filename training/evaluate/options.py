"""`--option NAME=VALUE`: options of a request that an evaluation is run with."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import core_rs
from training.evaluate.labels import FolderError

OWN = {
    "threshold_d": "--threshold-d",
    "mode": "--mode",
    "threshold_o": "none: readings of any score are judged",
    "regions": "none: they are measured by themselves",
}


def overrides(given: Sequence[str]) -> dict[str, Any]:
    """Numbers, true and false by JSON, all else as text. Raises FolderError naming the option."""
    options: dict[str, Any] = {}
    for each in given:
        name, equals, value = each.partition("=")
        if not equals:
            raise FolderError(f"--option {each}: write it as NAME=VALUE, such as zoom_in_vehicles=0.")
        if name in OWN:
            raise FolderError(f"--option {name} is not for this; its own argument is {OWN[name]}.")
        try:
            options[name] = json.loads(value)
        except json.JSONDecodeError:
            options[name] = value
        try:
            core_rs.Options(**{name: options[name]})
        except (TypeError, ValueError) as error:
            raise FolderError(f"--option {each}: {error}") from error
    return options
