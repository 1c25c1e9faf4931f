"""`GET /api/v1/jobs/<id>`: what became of a job, for the account that owns it."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, Response, jsonify, request

from platehost.jobs import JobState
from platehost.reading import Outcome
from web import npr, sdk, snapshot
from web.auth import current_key
from web.errors import ApiError, body, npr_code
from web.recognise import RETRY_AFTER_SECONDS, is_ended, job_body
from web.service import service

blueprint = Blueprint("jobs", __name__)


@blueprint.get("/api/v1/jobs/<job_id>")
def job(job_id: str) -> Response:
    """State, progress, results in the words of the face that took the picture, and errors per image."""
    built = service()
    state = built.jobs.state(job_id)
    # Another account's job looks like none: its id tells nobody anything.
    if state is None or state.account != current_key().account:
        raise ApiError(404, f"There is no such job. Results are kept for {built.settings.result_ttl} seconds.")
    described = job_body(job_id, state.state, done=int(is_ended(state)))
    described["created"] = state.created.strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    described["results"], described["errors"] = _results(state)
    response = jsonify(described)
    if not is_ended(state):
        response.headers["Retry-After"] = str(RETRY_AFTER_SECONDS)
    return response


def _results(state: JobState) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """One result per image that ended: its answer as it would have been sent at once, errors too; and those errors."""
    if state.outcome is None:
        return [], []
    try:
        return [_render(state, state.outcome)], []
    except ApiError as error:
        # An NPR result says itself that it failed; a Snapshot body has no such form.
        results = [body(error, request.path)] if state.face == npr.FACE else []
        return results, [{"image": 0, "status": error.status, "code": npr_code(error), "message": error.message}]


def _render(state: JobState, outcome: Outcome) -> dict[str, Any]:
    if state.face == npr.FACE:
        return npr.render(outcome)
    if state.face == sdk.FACE:
        return sdk.render(outcome, state.options, state.echo, state.account)
    return snapshot.render(outcome, state.options, state.echo)
