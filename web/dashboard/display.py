"""How times, numbers and plates are written in the pages."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

from flask import Flask, g, request, url_for
from markupsafe import Markup, escape

from platehost import regions
from web.dashboard.blueprint import blueprint
from web.dashboard.people import is_operator

_STEPS = ((60, 1, "second"), (3600, 60, "minute"), (86_400, 3600, "hour"), (30 * 86_400, 86_400, "day"))


def register(app: Flask) -> None:
    """The filters and names that templates use."""
    for each in (ago, moment, number, percent, plate_text, region_name, seconds):
        app.add_template_filter(each)


@blueprint.context_processor
def _names() -> dict[str, Any]:
    user = g.get("user")
    return {
        "user": user,
        "operator": bool(user and is_operator(user)),
        "asset": asset,
        "here": (request.endpoint or "").removeprefix("dashboard."),
    }


def asset(name: str) -> str:
    """The address of a static file, another one when its content changes."""
    return url_for("dashboard.static", filename=name, v=_digest(name))


def moment(when: datetime | float | None) -> Markup:
    """A time in UTC, to the minute, with the exact one for machines."""
    if not when:
        return Markup("never")
    time = datetime.fromtimestamp(when, UTC) if isinstance(when, int | float) else when.astimezone(UTC)
    return Markup('<time datetime="{}">{}</time>').format(
        time.isoformat(timespec="seconds"), f"{time.day} {time:%b %Y, %H:%M} UTC"
    )


def ago(when: datetime | float | None) -> Markup:
    """How long ago, with the exact time to hover over."""
    if not when:
        return Markup("never")
    time = datetime.fromtimestamp(when, UTC) if isinstance(when, int | float) else when.astimezone(UTC)
    passed = max(0, int((datetime.now(UTC) - time).total_seconds()))
    if passed < 5:
        text = "just now"
    else:
        text = f"{time.day} {time:%b %Y}"
        for limit, unit, name in _STEPS:
            if passed < limit:
                count = passed // unit
                text = f"{count} {name}{'' if count == 1 else 's'} ago"
                break
    return Markup('<time datetime="{}" title="{}">{}</time>').format(
        time.isoformat(timespec="seconds"), f"{time:%Y-%m-%d %H:%M:%S} UTC", text
    )


def seconds(count: float) -> str:
    """A length of time in words, such as 90 days."""
    for unit, name in ((86_400, "day"), (3600, "hour"), (60, "minute"), (1, "second")):
        if count >= unit:
            whole = round(count / unit)
            return f"{whole} {name}{'' if whole == 1 else 's'}"
    return f"{round(count * 1000)} ms" if count > 0 else "0 seconds"


def number(count: int) -> str:
    """With a thin gap between thousands."""
    return f"{count:,}".replace(",", "\u202f")


def percent(score: float) -> str:
    return f"{score * 100:.1f} %"


def plate_text(text: str, region: str = "") -> Markup:
    """A plate as it looks: printed gaps where the region is known, and the country on its band."""
    country = region.replace("_", "-").partition("-")[0].upper() if region and region != "unknown" else ""
    band = Markup('<span class="plate-band" aria-hidden="true">{}</span>').format(country)
    shown = escape(regions.spaced(text.upper(), region))
    return Markup('<span class="plate">{}<span class="plate-text">{}</span></span>').format(
        band if country else "", shown
    )


def region_name(code: str) -> str:
    return regions.name(code) or code.upper()


@cache
def _digest(name: str) -> str:
    content = (Path(__file__).parent / "static" / name).read_bytes()
    return hashlib.sha256(content).hexdigest()[:12]
