"""The Snapshot API in its cloud form: `POST /v1/plate-reader/`, and `GET /v1/statistics/`."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from flask import Blueprint, Response, jsonify

from platehost.jobs import JobRequest
from platehost.options import Options
from platehost.reading import Failure, Outcome
from platehost.renderings import plate_reader as rendering
from platehost.usage import next_month, total_calls
from web.auth import current_key, current_plan
from web.errors import failure_error
from web.filenames import cloud_filename
from web.lookup import read_lookup
from web.recognise import pending, recognise
from web.service import service

FACE = "snapshot"

blueprint = Blueprint("snapshot", __name__)
statistics_blueprint = Blueprint("statistics", __name__)


@blueprint.post("/v1/plate-reader/")
def plate_reader() -> Response:
    """Reads one picture: 201 (or 200 by setting) with the reading, or 202 with a job to poll."""
    lookup = read_lookup()
    echo = {
        "filename": cloud_filename(lookup.upload, lookup.received),
        "camera_id": lookup.camera_id,
        "timestamp": rendering.cloud_time(lookup.moment, precise=lookup.precise),
    }
    answer = recognise(lookup.upload.picture, JobRequest(current_key().account, FACE, lookup.options, echo))
    if answer.outcome is None:
        return pending(answer.job_id)
    response = jsonify(render(answer.outcome, lookup.options, echo))
    response.status_code = service().settings.snapshot_status or 201
    return response


def render(outcome: Outcome, options: Options, echo: Any) -> dict[str, Any]:
    """The body of a successful answer. Raises ApiError for a failure."""
    if isinstance(outcome, Failure):
        raise failure_error(outcome)
    return rendering.cloud_answer(outcome, options, echo)


@statistics_blueprint.get("/v1/statistics/")
def statistics() -> Response:
    """The account's calls in this UTC month. Looking costs no call and is not limited: some clients do it each time."""
    now = datetime.now(UTC)
    return jsonify(
        {
            "usage": {
                "month": now.month,
                "calls": service().usage.calls(current_key().account, now),
                "year": now.year,
                "resets_on": rendering.cloud_time(next_month(now), precise=False),
            },
            "total_calls": total_calls(current_plan()),
        }
    )
