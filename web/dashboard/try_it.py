"""Try it: one photo, its plates drawn over it, and the same answer as the APIs give."""

from __future__ import annotations

import json
import shlex
from typing import Any

from flask import Response, abort, g, redirect, render_template, request, url_for
from werkzeug import Response as AnyResponse

from platehost.crops import PICTURE_ERRORS, plate_crops, smaller
from platehost.jobs import JobRequest, JobState, blob_name
from platehost.options import OptionError, Options, parse_options
from platehost.reading import Failure, Reading
from platehost.renderings import npr
from platehost.renderings.plate_reader import cloud_answer, cloud_time
from web.dashboard.blueprint import blueprint
from web.dashboard.marks import plate_marks, vehicle_marks
from web.dashboard.people import current_user
from web.errors import ApiError
from web.filenames import cloud_filename
from web.lookup import read_lookup
from web.recognise import recognise
from web.service import service

# Whose status URL answers in the Snapshot API's words.
FACE = "snapshot"
SHOWN_SIDE = 1600
# The photo stays that long for the page that shows it; the reading as long as any job's.
PHOTO_SECONDS = 900
_WAIT_SECONDS = 1
_JPEG = "image/jpeg"


@blueprint.get("/try")
def try_it() -> str:
    """The form."""
    return render_template("dashboard/try_it.html", regions="", mode="default", vehicles=False)


@blueprint.post("/try")
def try_it_post() -> AnyResponse | tuple[str, int]:
    """Reads the photo as a client of the Snapshot API would, and counts as one call."""
    account = current_user().account
    g.plan = service().accounts.plan(account)
    try:
        lookup = read_lookup()
        options = _options()
        echo = {
            "filename": cloud_filename(lookup.upload, lookup.received),
            "camera_id": None,
            "timestamp": cloud_time(lookup.moment, precise=lookup.precise),
            "dashboard": True,
        }
        job = JobRequest(account, FACE, options, echo, lookup=True)
        answer = recognise(lookup.upload.picture, job)
    except (ApiError, OptionError) as error:
        problem = "Choose a photo first." if "No file was submitted" in str(error) else str(error)
        status = error.status if isinstance(error, ApiError) else 400
        return _form(problem), status
    service().blobs.put(_photo(answer.job_id), lookup.upload.picture, PHOTO_SECONDS)
    return redirect(url_for("dashboard.try_it_shown", job_id=answer.job_id), 303)


@blueprint.get("/try/<job_id>")
def try_it_shown(job_id: str) -> str | Response | tuple[str, int]:
    """The reading, or a page that looks again by itself until it is there."""
    job = _own(job_id)
    if job.outcome is None:
        waiting = Response(render_template("dashboard/try_it_waiting.html", job=job))
        waiting.headers["Refresh"] = str(_WAIT_SECONDS)
        return waiting
    if isinstance(job.outcome, Failure):
        return _form(job.outcome.message), 400
    reading, options = job.outcome, job.options
    return render_template(
        "dashboard/try_it_shown.html",
        job=job,
        reading=reading,
        has_photo=service().blobs.get(_photo(job_id)) is not None,
        marks=plate_marks(reading, mmc=options.mmc),
        bare=vehicle_marks(reading, mmc=options.mmc),
        snapshot=_json(cloud_answer(reading, options, job.echo)),
        npr=_json(npr.render(reading)),
        curl=_curl(options),
        regions=",".join(options.regions),
        mode=options.mode,
        vehicles=options.detection_mode == "vehicle",
    )


@blueprint.get("/try/<job_id>/photo")
def try_it_photo(job_id: str) -> Response:
    """The photo, upright and no larger than a screen."""
    # Only what the worker could decode within its limits is decoded here.
    if not isinstance(_own(job_id).outcome, Reading):
        abort(404)
    picture = _picture(job_id)
    try:
        return _jpeg(smaller(picture, SHOWN_SIDE))
    except PICTURE_ERRORS:
        abort(404)


@blueprint.get("/try/<job_id>/plate/<int:number>")
def try_it_plate(job_id: str, number: int) -> Response:
    """One plate, cut out and set upright; `number` counts from 1."""
    job = _own(job_id)
    if not isinstance(job.outcome, Reading) or not 1 <= number <= len(job.outcome.plates):
        abort(404)
    try:
        return _jpeg(plate_crops(_picture(job_id), [job.outcome.plates[number - 1]])[0])
    except PICTURE_ERRORS:
        abort(404)


def _form(problem: str) -> str:
    fields = request.form
    return render_template(
        "dashboard/try_it.html",
        problem=problem,
        regions=fields.get("regions", ""),
        mode=fields.get("mode", "default"),
        vehicles="vehicles" in fields,
    )


def _options() -> Options:
    fields = request.form
    return parse_options(
        regions=[fields.get("regions", "")],
        mmc=g.plan.mmc,
        config={
            "mode": fields.get("mode", "default"),
            "detection_mode": "vehicle" if "vehicles" in fields else "plate",
        },
        known_regions_only=True,
    )


def _own(job_id: str) -> JobState:
    """A photo that was tried by somebody of this account."""
    job = service().jobs.state(job_id)
    if job is None or job.account != current_user().account or not job.echo.get("dashboard"):
        abort(404)
    return job


def _photo(job_id: str) -> str:
    return blob_name(job_id, 1)


def _picture(job_id: str) -> bytes:
    _own(job_id)
    picture = service().blobs.get(_photo(job_id))
    if picture is None:
        abort(404)
    return picture


def _jpeg(picture: bytes) -> Response:
    response = Response(picture, mimetype=_JPEG)
    response.headers["Cache-Control"] = f"private, max-age={PHOTO_SECONDS}"
    return response


def _json(body: dict[str, Any]) -> str:
    return json.dumps(body, indent=2, ensure_ascii=False)


def _curl(options: Options) -> list[tuple[str, str]]:
    """The same call for a terminal, by each API; the key's place is held."""
    base = request.host_url.rstrip("/")
    regions = [f"-F regions={each}" for each in options.regions]
    chosen = {"mode": options.mode, "detection_mode": options.detection_mode}
    config = {key: word for key, word in chosen.items() if word != getattr(Options(), key)}
    wishes = ["-F mmc=true"] if options.mmc else []
    wishes += [f"-F {shlex.quote('config=' + json.dumps(config))}"] if config else []
    photo = "-F upload=@photo.jpg"
    snapshot = [f"curl {base}/v1/plate-reader/", '-H "Authorization: Token YOUR_KEY"', photo, *regions, *wishes]
    plain = [f"curl {base}/api/v1/recognise", '-H "Authorization: Bearer YOUR_KEY"', photo, *regions]
    return [("Snapshot API", " \\\n  ".join(snapshot)), ("NPR API", " \\\n  ".join(plain))]
