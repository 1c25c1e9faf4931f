"""The NPR API: `POST /api/v1/recognise`."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, Response, jsonify, request

from platehost.jobs import JobRequest
from platehost.options import parse_options
from platehost.reading import Failure, Outcome
from platehost.renderings import npr as rendering
from web.auth import current_key
from web.errors import ApiError, failure_error
from web.recognise import pending
from web.recognise import recognise as submit
from web.service import service
from web.uploads import Fields, read_upload

FACE = "npr"

# The API's own least picture, as longer and shorter side.
SMALLEST = (320, 240)

blueprint = Blueprint("npr", __name__)


@blueprint.post("/api/v1/recognise")
def recognise() -> Response:
    """Reads one picture: 200 with its plates, 422 when there are none, or 202 with a job to poll."""
    fields = Fields(request)
    upload = read_upload(request, fields, service().settings.max_upload_bytes)
    options = parse_options(regions=fields.values("regions"))
    answer = submit(upload.picture, JobRequest(current_key().account, FACE, options, smallest=SMALLEST))
    if answer.outcome is None:
        return pending(answer.job_id)
    return jsonify(render(answer.outcome))


def render(outcome: Outcome) -> dict[str, Any]:
    """The body of a successful answer. Raises ApiError for a failure and for a reading without plates."""
    if isinstance(outcome, Failure):
        raise failure_error(outcome)
    if not outcome.plates:
        raise ApiError(422, "No number plate was found in the image.")
    return rendering.render(outcome)
