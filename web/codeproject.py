"""CodeProject.AI's ALPR route, so that Blue Iris and Frigate add-ons need only another address."""

from __future__ import annotations

import math
from typing import Any

from flask import Blueprint, Response, jsonify, request

from platehost.jobs import JobRequest
from platehost.options import Options
from platehost.reading import Failure, Outcome
from platehost.renderings import codeproject as rendering
from web.auth import current_key
from web.errors import ApiError, failure_error
from web.filenames import sdk_filename
from web.recognise import pending, recognise
from web.service import service
from web.uploads import Fields, read_upload

FACE = "codeproject"

blueprint = Blueprint("codeproject", __name__)


@blueprint.post("/v1/vision/alpr")
@blueprint.post("/v1/image/alpr")
def alpr() -> Response:
    """Reads one picture: 200 with its predictions, none of them when there is no plate, or 202 with a job to poll."""
    fields = Fields(request)
    upload = read_upload(request, fields, service().settings.max_upload_bytes, names=("upload", "image"))
    least = _min_confidence(fields)
    # The client's bound replaces the reading's own: what it asks for is not dropped before.
    options = Options(threshold_o=least)
    echo = {"filename": sdk_filename(upload), "min_confidence": least}
    answer = recognise(upload.picture, JobRequest(current_key().account, FACE, options, echo))
    if answer.outcome is None:
        return pending(answer.job_id)
    return jsonify(render(answer.outcome, echo))


def render(outcome: Outcome, echo: Any) -> dict[str, Any]:
    """The body of a successful answer. Raises ApiError for a failure."""
    if isinstance(outcome, Failure):
        raise failure_error(outcome)
    return rendering.render(outcome, min_confidence=echo["min_confidence"])


def _min_confidence(fields: Fields) -> float:
    sent = fields.text("min_confidence", longest=64)
    if sent is None or not sent.strip():
        return Options().threshold_o
    try:
        least = float(sent)
    except ValueError:
        least = math.nan
    if not 0 <= least <= 1:
        raise ApiError(400, "min_confidence must be a number from 0 to 1.", field="min_confidence")
    return least
