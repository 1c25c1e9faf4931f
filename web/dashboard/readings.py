"""Recent readings, where the operator keeps them: by plate, camera and time, with crops."""

from __future__ import annotations

import re
from datetime import UTC, datetime

from flask import Response, abort, flash, redirect, render_template, request, url_for
from werkzeug import Response as AnyResponse

from platehost.recent import Page, Recent
from web.dashboard.blueprint import blueprint
from web.dashboard.people import current_user, note, owners_only
from web.service import service

PAGE = 24
LONGEST = 200
_ID = re.compile(r"[A-Za-z0-9_-]{1,80}")
_TIME = re.compile(r"[0-9]{1,12}(\.[0-9]{1,7})?")


@blueprint.get("/readings")
def readings() -> str:
    """A page of readings, newest first, or how to have them kept."""
    recent = _recent()
    fields = {name: request.args.get(name, "").strip()[:LONGEST] for name in ("plate", "camera", "since", "until")}
    problem = ""
    page = Page((), None)
    try:
        since, until = _moment(fields["since"]), _moment(fields["until"])
        before = request.args.get("before", "")
        if _TIME.fullmatch(before):
            until = float(before)
        page = recent.search(
            current_user().account,
            plate=fields["plate"],
            camera=fields["camera"],
            since=since,
            before=until,
            most=PAGE,
        )
    except ValueError:
        problem = "A time is written like 2026-05-01T08:30."
    return render_template(
        "dashboard/readings.html",
        recent=recent,
        keep=service().settings.readings_keep,
        page=page,
        fields=fields,
        searched=any(fields.values()),
        problem=problem,
    )


@blueprint.get("/readings/<reading_id>/crop")
def readings_crop(reading_id: str) -> Response:
    """The crop of one plate."""
    crop = _recent().crop(current_user().account, reading_id) if _ID.fullmatch(reading_id) else None
    if crop is None:
        abort(404)
    response = Response(crop, mimetype="image/jpeg")
    response.headers["Cache-Control"] = "private, max-age=3600"
    return response


@blueprint.post("/readings/forget")
@owners_only
def readings_forget() -> AnyResponse:
    """Drops all readings of the account."""
    _recent().forget(current_user().account)
    note("readings forgotten")
    flash("All kept readings are forgotten.")
    return redirect(url_for("dashboard.readings"))


def _recent() -> Recent:
    return Recent(service().store, service().settings)


def _moment(text: str) -> float | None:
    return datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp() if text else None
