"""A reading as the answer of `/v1/plate-reader/`: the cloud's or the SDK's body, in the shape that was asked for."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from platehost.options import Options
from platehost.reading import Reading
from platehost.renderings import snapshot, snapshot_v2


def cloud_answer(reading: Reading, options: Options, echo: Mapping[str, Any]) -> dict[str, Any]:
    """The cloud's body for these options; `echo` holds `filename`, `camera_id` and `timestamp`."""
    return snapshot.body(reading, wanted_results(reading, options), echo)


def sdk_answer(
    reading: Reading, options: Options, echo: Mapping[str, Any], *, calls: int, max_calls: int
) -> dict[str, Any]:
    """The SDK's body: without version and sizes, with the month's calls, without which clients of it fail."""
    return {
        "filename": echo["filename"],
        "timestamp": echo["timestamp"],
        "camera_id": echo["camera_id"],
        "results": wanted_results(reading, options),
        "usage": {"calls": calls, "max_calls": max_calls},
        "processing_time": round(reading.processing_ms, 3),
    }


def cloud_time(moment: datetime, *, precise: bool) -> str:
    """An aware time in UTC with a Z, to the microsecond or to the second."""
    return _plain(moment, "T", precise=precise) + "Z"


def sdk_time(moment: datetime, *, precise: bool) -> str:
    """The same in the SDK's form: a blank between date and time, no zone."""
    return _plain(moment, " ", precise=precise)


def _plain(moment: datetime, between: str, *, precise: bool) -> str:
    # Not strftime, whose %Y leaves out the zeros of a year before 1000.
    return moment.replace(tzinfo=None).isoformat(between, "microseconds" if precise else "seconds")


def wanted_results(reading: Reading, options: Options) -> list[dict[str, Any]]:
    """The `results` in the shape that the options ask for."""
    if options.detection_mode == "vehicle":
        return snapshot_v2.results(reading, mmc=options.mmc)
    return snapshot.results(reading, mmc=options.mmc, direction=options.direction)
