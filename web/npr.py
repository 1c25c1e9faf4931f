"""The NPR API: `POST /api/v1/recognise` and `POST /api/v1/batch`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from flask import Blueprint, Response, g, jsonify, request
from werkzeug.datastructures import FileStorage

from platehost.batches import Entry
from platehost.jobs import JobRequest, QueueFull
from platehost.options import Options, parse_options
from platehost.reading import Failure, Outcome
from platehost.renderings import npr as rendering
from web.auth import current_key, current_plan
from web.errors import ApiError, body, failure_error
from web.recognise import pending, wait_all
from web.recognise import recognise as submit
from web.service import service
from web.uploads import Fields, judge, read_upload

FACE = "npr"

BATCH_FIELDS = ("images[]", "images")
MOST_IMAGES = 20

# The API's own least picture, as longer and shorter side.
SMALLEST = (320, 240)

blueprint = Blueprint("npr", __name__)


@blueprint.post("/api/v1/recognise")
def recognise() -> Response:
    """Reads one picture: 200 with its plates, 422 when there are none, or 202 with a job to poll."""
    fields = Fields(request)
    upload = read_upload(request, fields, service().settings.max_upload_bytes)
    options = _options(fields)
    submitted = submit(upload.picture, JobRequest(current_key().account, FACE, options, smallest=SMALLEST, lookup=True))
    if submitted.outcome is None:
        return pending(submitted.job_id)
    return jsonify(render(submitted.outcome))


@blueprint.post("/api/v1/batch")
def batch() -> Response:
    """Reads up to 20 pictures: 200 with one answer per picture in their order, or 202 with a job to poll."""
    built = service()
    fields = Fields(request)
    options = _options(fields)
    parts = batch_parts()
    if not parts:
        raise ApiError(400, "No file was submitted. Send the pictures in the field images[].", field="upload")
    if len(parts) > MOST_IMAGES:
        raise ApiError(
            400,
            f"images[] has {len(parts)} pictures, at most {MOST_IMAGES} are taken. Send several batches.",
            field="images[]",
        )
    job = JobRequest(current_key().account, FACE, options, smallest=SMALLEST, lookup=True)
    entries = _submit_parts(parts, job)
    g.job_id = batch_id = built.batches.create(job.account, FACE, entries)
    waited = iter(wait_all([each.job_id for each in entries if each.job_id]))
    outcomes = [each.failure or next(waited) for each in entries]
    done = sum(each is not None for each in outcomes)
    if done < len(outcomes):
        return pending(batch_id, state="started" if done else "queued", done=done, total=len(outcomes))
    return jsonify({"success": True, "results": [answer(each) for each in outcomes if each is not None]})


def _options(fields: Fields) -> Options:
    """`regions` is our own here: nobody relies on codes that mean nothing. `mmc` fills `vehicle` from the picture."""
    return parse_options(regions=fields.values("regions"), mmc=current_plan().mmc, known_regions_only=True)


def batch_parts() -> list[FileStorage]:
    """The pictures of the current request's batch, in the order in which they came."""
    return [part for name in BATCH_FIELDS for part in request.files.getlist(name)]


def answer(outcome: Outcome) -> dict[str, Any]:
    """The body that a picture would have been answered with alone, be it an error."""
    try:
        return render(outcome)
    except ApiError as error:
        return body(error, request.path)


def _submit_parts(parts: Sequence[FileStorage], job: JobRequest) -> list[Entry]:
    """One job per picture; one that cannot be taken does not keep the others from being read."""
    built = service()
    limit = built.settings.max_upload_bytes
    # Before a picture is read: of a batch for which too few calls are left, none shall count.
    admitted = built.jobs.admit(job.account, len(parts), current_plan().calls)
    free = list(admitted)
    entries: list[Entry] = []
    for part in parts:
        try:
            upload = judge(part.stream.read(limit + 1), limit, part.filename)
        except ApiError as error:
            code = "image_too_large" if error.status == 413 else "unsupported_format"
            entries.append(Entry(failure=Failure(code, error.message)))
            continue
        try:
            entries.append(Entry(job_id=built.jobs.submit(upload.picture, job, job_id=free.pop())))
        except QueueFull:
            # All or nothing: the client will send the batch again.
            submitted = {entry.job_id for entry in entries if entry.job_id}
            for job_id in submitted:
                built.jobs.cancel(job_id)
            built.jobs.give_back(job.account, [each for each in admitted if each not in submitted])
            raise
    built.jobs.give_back(job.account, free)
    return entries


def render(outcome: Outcome) -> dict[str, Any]:
    """The body of a successful answer. Raises ApiError for a failure and for a reading without plates."""
    if isinstance(outcome, Failure):
        raise failure_error(outcome)
    if not outcome.plates:
        raise ApiError(422, "No number plate was found in the image.")
    return rendering.render(outcome)
