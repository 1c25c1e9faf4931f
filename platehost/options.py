"""The options of one recognition, parsed the same way from HTTP fields and from the command line.

Names, defaults and limits are those of the Snapshot API's `regions`, `mmc` and `config`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from platehost import regions as region_table
from platehost.stored import made

MAX_REGIONS = 50
MAX_TEXT_FORMATS = 50
MAX_TEXT_FORMAT_LENGTH = 200
MAX_REGION_LENGTH = 32

# Blanks, quotes and brackets never stand in a code, so a list in one field may be written in any common way.
_BETWEEN_REGIONS = re.compile(r"""[,;\s"'\[\]]+""")
_REGION = re.compile(rf"[A-Za-z0-9_-]{{1,{MAX_REGION_LENGTH}}}")


class OptionError(ValueError):
    """An option that cannot be used: `field` is its name in the APIs, the message is fit for a client."""

    def __init__(self, field: str, message: str) -> None:
        super().__init__(message)
        self.field = field


@dataclass(frozen=True)
class Options:
    """What the client asked for; the defaults are those of the API."""

    regions: tuple[str, ...] = ()
    mmc: bool = False
    direction: bool = False
    region_strict: bool = False
    threshold_d: float = 0.2
    threshold_o: float = 0.6
    mode: str = "default"
    detection_rule: str = "default"
    detection_mode: str = "plate"
    text_formats: tuple[str, ...] = ()
    plates_per_vehicle: int = 1
    zoom_in_vehicles: int = 4

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, stored: Mapping[str, Any]) -> Options:
        """The inverse of `to_json`, also for what another release stored."""
        return made(cls, {**stored, "regions": tuple(stored["regions"]), "text_formats": tuple(stored["text_formats"])})


def parse_options(
    *,
    regions: Iterable[Any] = (),
    mmc: Any = None,
    direction: Any = None,
    config: str | Mapping[str, Any] | None = None,
    known_regions_only: bool = False,
) -> Options:
    """Options from an API's fields.

    `regions` holds codes or comma lists of codes; empty ones are ignored, and unknown ones too unless
    `known_regions_only`; what cannot be a code is refused. `mmc` and `direction` are bools or words for one. `config`
    is a JSON object or its text; unknown keys are ignored. Raises OptionError.
    """
    chosen = _config(config)
    chosen["regions"] = _regions(regions, known_regions_only)
    chosen["mmc"] = parse_bool("mmc", mmc)
    chosen["direction"] = parse_bool("direction", direction)
    return Options(**chosen)


def parse_bool(field: str, value: Any) -> bool:
    """A bool, or `true`, `1`, `yes`, `on` and their opposites in any case; absent means False. Raises OptionError."""
    if isinstance(value, bool):
        return value
    word = "" if value is None else str(value).strip().lower()
    if word in {"true", "1", "yes", "on", "t", "y"}:
        return True
    if word in {"", "false", "0", "no", "off", "f", "n", "none", "null"}:
        return False
    raise OptionError(field, "Must be a valid boolean: true or false.")


def _regions(values: Iterable[Any], known_only: bool) -> tuple[str, ...]:
    codes: list[str] = []
    for value in values:
        if not isinstance(value, str):
            raise OptionError("regions", "Must be region codes, such as gb or us-ca.")
        for part in _BETWEEN_REGIONS.split(value):
            codes += [code for code in _region(part, known_only) if code not in codes]
    if len(codes) > MAX_REGIONS:
        raise OptionError("regions", f"Has {len(codes)} codes, at most {MAX_REGIONS} are taken. Send fewer, or none.")
    return tuple(codes)


def _region(part: str, known_only: bool) -> tuple[str, ...]:
    if part and not _REGION.fullmatch(part):
        shown = part if len(part) <= MAX_REGION_LENGTH else f"{part[:MAX_REGION_LENGTH]}..."
        raise OptionError(
            "regions",
            f"{shown!r} cannot be a region code: these have at most {MAX_REGION_LENGTH} letters, digits and dashes, "
            "such as gb or us-ca.",
        )
    found = region_table.meant(part)
    if part and known_only and not found:
        raise OptionError("regions", f"{part!r} is not a known region. Send codes such as gb or us-ca, or none.")
    return found


def _config(config: str | Mapping[str, Any] | None) -> dict[str, Any]:
    if config is None or config == "":
        return {}
    if isinstance(config, str):
        try:
            config = json.loads(config)
        except (ValueError, RecursionError):
            raise OptionError("config", "Value must be valid JSON.") from None
    if config is None:
        return {}
    if not isinstance(config, Mapping):
        raise OptionError("config", 'Must be a JSON object, such as {"mode": "fast"}.')
    chosen: dict[str, Any] = {}
    for key, parse in _CONFIG_KEYS.items():
        # A key that is null or empty is a client's way to say that it has no wish.
        if config.get(key) not in (None, ""):
            name, value = parse(key, config[key])
            chosen[name] = value
    return chosen


def _score(key: str, value: Any) -> tuple[str, float]:
    number = _number(key, value)
    if not 0 <= number <= 1:
        raise OptionError("config", f"{key} is {number:g}, but must be from 0 to 1.")
    return key, number


def _count(lowest: int, highest: int) -> Any:
    def parse(key: str, value: Any) -> tuple[str, int]:
        number = _number(key, value)
        if number != int(number) or not lowest <= number <= highest:
            raise OptionError("config", f"{key} is {number:g}, but must be a whole number from {lowest} to {highest}.")
        return key, int(number)

    return parse


def _number(key: str, value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        raise OptionError("config", f"{key} must be a number.")
    try:
        number = float(value)
    except (ValueError, OverflowError):
        raise OptionError("config", f"{key} must be a number.") from None
    if number != number or number in (float("inf"), float("-inf")):
        raise OptionError("config", f"{key} must be a finite number.")
    return number


def _word(*words: str) -> Any:
    def parse(key: str, value: Any) -> tuple[str, str]:
        if not isinstance(value, str) or value.strip().lower() not in words:
            raise OptionError("config", f"{key} must be one of: {', '.join(words)}.")
        return key, value.strip().lower()

    return parse


def _strictness(key: str, value: Any) -> tuple[str, bool]:
    _, word = _word("strict", "default", "off")(key, value)
    return "region_strict", word == "strict"


def _text_formats(key: str, value: Any) -> tuple[str, tuple[str, ...]]:
    formats = [value] if isinstance(value, str) else value
    if not isinstance(formats, list) or not all(isinstance(each, str) for each in formats):
        raise OptionError("config", f"{key} must be a list of regular expressions.")
    if len(formats) > MAX_TEXT_FORMATS:
        raise OptionError("config", f"{key} has {len(formats)} entries, at most {MAX_TEXT_FORMATS} are taken.")
    for each in formats:
        if len(each) > MAX_TEXT_FORMAT_LENGTH:
            raise OptionError("config", f"{key} holds an entry of over {MAX_TEXT_FORMAT_LENGTH} characters.")
        try:
            re.compile(each)
        # re.error is not its only answer: contradicting flags, such as (?a)(?u), are a plain ValueError.
        except (re.error, ValueError, RecursionError, OverflowError):
            raise OptionError("config", f"{key} holds {each!r}, which is not a regular expression.") from None
    return key, tuple(each for each in formats if each)


_CONFIG_KEYS: dict[str, Any] = {
    "region": _strictness,
    "threshold_d": _score,
    "threshold_o": _score,
    "mode": _word("default", "fast", "redaction"),
    "detection_rule": _word("default", "strict"),
    "detection_mode": _word("plate", "vehicle"),
    "text_formats": _text_formats,
    "plates_per_vehicle": _count(1, 64),
    "zoom_in_vehicles": _count(0, 64),
}
