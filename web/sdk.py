"""The Snapshot API in the form of the on-premise SDK: no key, no limit, 200, and the month's calls in every answer."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from importlib.metadata import version
from typing import Any

from flask import Blueprint, Response, jsonify, request

from platehost.jobs import JobRequest
from platehost.options import Options
from platehost.reading import Failure, Outcome
from platehost.renderings import plate_reader as rendering
from platehost.targets import Targets
from platehost.usage import total_calls
from web.auth import current_key
from web.errors import failure_error
from web.filenames import sdk_filename
from web.lookup import read_lookup
from web.recognise import pending, recognise
from web.service import service

FACE = "sdk"

# Clients print it; there are no licences here.
LICENSE_KEY = "none"

blueprint = Blueprint("sdk", __name__)


@blueprint.post("/v1/plate-reader/")
def plate_reader() -> Response:
    """Reads one picture: 200 (or 201 by setting) with the reading, or 202 with a job to poll."""
    return _read(("upload",))


@blueprint.post("/alpr")
def alpr() -> Response:
    """The route of the SDK's first versions, which some scripts still call with the picture in `file`."""
    return _read(("file", "upload"))


@blueprint.get("/info/")
def info() -> Response:
    """What the SDK tells of itself: version, licence, calls and the receivers of its webhooks."""
    account = current_key().account
    return jsonify(
        {
            "version": version("platehost"),
            "license_key": LICENSE_KEY,
            "total_calls": _most_calls(account),
            "usage": {"calls": _calls(account)},
            "webhooks": [target.url for target in Targets(service().store).list(account) if target.on],
        }
    )


def render(outcome: Outcome, options: Options, echo: Any, account: str) -> dict[str, Any]:
    """The body of a successful answer. Raises ApiError for a failure."""
    if isinstance(outcome, Failure):
        raise failure_error(outcome)
    return rendering.sdk_answer(outcome, options, echo, calls=_calls(account), max_calls=_most_calls(account))


def _read(names: Sequence[str]) -> Response:
    if service().settings.sdk_empty_status == 200 and _is_empty():
        # The vendor's installer posts nothing and takes any status under 400 for a sign of life.
        return jsonify({"error": f"No file was submitted. Send the picture in the field {names[0]}."})
    lookup = read_lookup(names)
    account = current_key().account
    echo = {
        "filename": sdk_filename(lookup.upload),
        "camera_id": lookup.camera_id,
        "timestamp": rendering.sdk_time(lookup.moment, precise=lookup.precise),
    }
    answer = recognise(lookup.upload.picture, JobRequest(account, FACE, lookup.options, echo))
    if answer.outcome is None:
        # Clients index it before they look at anything else.
        usage = {"calls": _calls(account), "max_calls": _most_calls(account)}
        return pending(answer.job_id, also={"usage": usage})
    response = jsonify(render(answer.outcome, lookup.options, echo, account))
    response.status_code = service().settings.snapshot_status or 200
    return response


def _calls(account: str) -> int:
    return service().usage.calls(account, datetime.now(UTC))


def _is_empty() -> bool:
    return not request.content_length and "Transfer-Encoding" not in request.headers


def _most_calls(account: str) -> int:
    return total_calls(service().accounts.plan(account))
