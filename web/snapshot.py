"""The Snapshot API: `POST /v1/plate-reader/`, as its cloud form's clients call it."""

from __future__ import annotations

import re
import secrets
import string
import uuid
from datetime import UTC, datetime
from typing import Any

from flask import Blueprint, Response, jsonify, request
from werkzeug.utils import secure_filename

from platehost.jobs import JobRequest
from platehost.options import Options, parse_options
from platehost.reading import Failure, Outcome
from platehost.renderings import snapshot as rendering
from web.auth import current_key
from web.errors import ApiError, failure_error
from web.recognise import pending, recognise
from web.service import service
from web.uploads import Fields, Upload, read_upload

FACE = "snapshot"
LONGEST_CAMERA_ID = 500

blueprint = Blueprint("snapshot", __name__)

# What libraries call a picture that has no file name of its own.
_NAMELESS = {"upload", "blob", "file", "image"}


@blueprint.post("/v1/plate-reader/")
def plate_reader() -> Response:
    """Reads one picture: 201 (or 200 by setting) with the reading, or 202 with a job to poll."""
    received = datetime.now(UTC)
    fields = Fields(request)
    upload = read_upload(request, fields, service().settings.max_upload_bytes)
    options = parse_options(regions=fields.values("regions"), mmc=fields.value("mmc"), config=fields.value("config"))
    echo = {
        "filename": _filename(upload, received),
        "camera_id": fields.text("camera_id", longest=LONGEST_CAMERA_ID),
        "timestamp": _timestamp(fields, received),
    }
    answer = recognise(upload.picture, JobRequest(current_key().account, FACE, options, echo))
    if answer.outcome is None:
        return pending(answer.job_id)
    response = jsonify(render(answer.outcome, options, echo))
    response.status_code = service().settings.snapshot_status
    return response


def render(outcome: Outcome, options: Options, echo: Any) -> dict[str, Any]:
    """The body of a successful answer. Raises ApiError for a failure."""
    if isinstance(outcome, Failure):
        raise failure_error(outcome)
    return rendering.render(outcome, mmc=options.mmc, echo=echo)


def _timestamp(fields: Fields, received: datetime) -> str:
    """The client's time in UTC, with a fraction only if it had one; the time of receipt when it sent none."""
    sent = fields.text("timestamp", longest=64)
    if not sent or not sent.strip():
        return received.strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    try:
        moment = datetime.fromisoformat(sent.strip())
        moment = moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    except (ValueError, OverflowError):
        raise ApiError(
            400,
            "Datetime has wrong format. Use one of these formats instead: "
            "YYYY-MM-DDThh:mm[:ss[.uuuuuu]][+HH:MM|-HH:MM|Z].",
            field="timestamp",
        ) from None
    return moment.strftime("%Y-%m-%dT%H:%M:%S.%fZ" if moment.microsecond else "%Y-%m-%dT%H:%M:%SZ")


def _filename(upload: Upload, received: datetime) -> str:
    """`HHMM_<5 characters>_<name>`; safe to be used as a file name as it is, because receivers do so."""
    mark = "".join(secrets.choice(string.ascii_uppercase + string.digits) for _ in range(5))
    name = secure_filename(upload.filename or "")
    if not name or name.lower() in _NAMELESS:
        name = f"{uuid.uuid4()}.{upload.format}"
    # File systems take 255 bytes; the end is kept for its extension.
    name = re.sub(r"^[._-]+", "", name[-150:]) or f"picture.{upload.format}"
    return f"{received:%H%M}_{mark}_{name}"
