"""`/api/v1/jobs/<id>`: what became of a job or a batch, for its owner; DELETE cancels what still waits."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from flask import Blueprint, Response, jsonify, request

from platehost.options import Options
from platehost.reading import Outcome
from web import codeproject, npr, sdk, snapshot
from web.auth import current_key
from web.errors import ApiError, body, npr_code
from web.recognise import RETRY_AFTER_SECONDS, job_body
from web.service import service

blueprint = Blueprint("jobs", __name__)


@dataclass(frozen=True)
class _Shown:
    """A job or a batch; `outcomes` has one place per picture, None until it ended."""

    account: str
    face: str
    state: str
    created: datetime
    outcomes: Sequence[Outcome | None]
    options: Options
    echo: Any


@blueprint.get("/api/v1/jobs/<job_id>")
def job(job_id: str) -> Response:
    """State, progress, results in the words of the face that took the pictures, and errors per image."""
    return _answer(job_id, _own(job_id))


@blueprint.delete("/api/v1/jobs/<job_id>")
def cancel(job_id: str) -> Response:
    """Cancels what still waits; a picture that is being read is read to its end, and results stay for their time."""
    _own(job_id)
    built = service()
    built.jobs.cancel(job_id)
    built.batches.cancel(job_id)
    return _answer(job_id, _own(job_id))


def _own(job_id: str) -> _Shown:
    """The job or batch with this id. Raises ApiError: another account's looks like none, so its id tells nothing."""
    built = service()
    shown: _Shown | None = None
    if batch := built.batches.find(job_id):
        shown = _Shown(batch.account, batch.face, batch.state, batch.created, batch.outcomes, Options(), {})
    elif job := built.jobs.state(job_id):
        shown = _Shown(job.account, job.face, job.state, job.created, [job.outcome], job.options, job.echo)
    if shown is None or shown.account != current_key().account:
        raise ApiError(404, f"There is no such job. Results are kept for {built.settings.result_ttl} seconds.")
    return shown


def _answer(job_id: str, shown: _Shown) -> Response:
    done = sum(each is not None for each in shown.outcomes)
    described = job_body(job_id, shown.state, done=done, total=len(shown.outcomes))
    described["created"] = shown.created.strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    described["results"], described["errors"] = _results(shown)
    response = jsonify(described)
    if done < len(shown.outcomes):
        response.headers["Retry-After"] = str(RETRY_AFTER_SECONDS)
    return response


def _results(shown: _Shown) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """One result per image that ended, with its place: its answer as it would have been sent alone; and the errors."""
    results: list[dict[str, Any]] = []
    errors: list[dict[str, Any]] = []
    for image, outcome in enumerate(shown.outcomes):
        if outcome is None:
            continue
        try:
            results.append({"image": image, **_render(shown, outcome)})
        except ApiError as error:
            # An NPR result says itself that it failed; a Snapshot body has no such form.
            if shown.face == npr.FACE:
                results.append({"image": image, **body(error, request.path)})
            code = npr_code(error)
            errors.append({"image": image, "status": error.status, "code": code, "message": error.message})
    return results, errors


def _render(shown: _Shown, outcome: Outcome) -> dict[str, Any]:
    if shown.face == npr.FACE:
        return npr.render(outcome)
    if shown.face == sdk.FACE:
        return sdk.render(outcome, shown.options, shown.echo, shown.account)
    if shown.face == codeproject.FACE:
        return codeproject.render(outcome, shown.echo)
    return snapshot.render(outcome, shown.options, shown.echo)
