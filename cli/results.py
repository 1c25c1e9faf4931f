"""Results of the Snapshot API in one shape: those of its V2 JSON as in version 1, and vehicles in words for people."""

from collections.abc import Mapping
from typing import Any

Result = Mapping[str, Any]


def as_version_1(result: Result) -> Result:
    """A result with version 1's keys; for a vehicle without a plate, `vehicle` and what `mmc` gave alone."""
    if "box" in result:
        return result
    plate, vehicle = result["plate"], result["vehicle"]
    props = vehicle["props"]
    same: dict[str, Any] = {"vehicle": {key: vehicle[key] for key in ("score", "type", "box")}}
    if plate:
        candidates = [{"score": each["score"], "plate": each["value"]} for each in plate["props"]["plate"]]
        region = plate["props"]["region"][0] if plate["props"]["region"] else {"value": "", "score": 0.0}
        same = {
            "box": plate["box"],
            "plate": candidates[0]["plate"],
            "region": {"code": region["value"], "score": region["score"]},
            "score": candidates[0]["score"],
            "candidates": candidates,
            "dscore": plate["score"],
            **same,
        }
    if any(props.values()):
        same["model_make"] = props["make_model"]
        for key in ("color", "orientation"):
            same[key] = [{key: each["value"], "score": each["score"]} for each in props[key]]
    return same


def vehicle_words(result: Result) -> str:
    """What a version 1 result knows of its vehicle, as `red Sedan, Ford Focus 2012, Front`; empty if nothing."""

    def best(key: str, *members: str) -> str:
        words = [str(each[member]) for each in result.get(key, ())[:1] for member in members]
        return " ".join(word for word in words if word.lower() != "unknown")

    kind = result["vehicle"]["type"]
    body = " ".join(part for part in (best("color", "color"), kind if kind != "Unknown" else "") if part)
    model = best("model_make", "make", "model")
    year = best("year", "year") if model else ""
    parts = (body, f"{model} {year}".strip(), best("orientation", "orientation"))
    return ", ".join(part for part in parts if part)
