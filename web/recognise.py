"""Submit a picture and wait for its reading, shared by the faces."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from flask import Flask, Response, g, jsonify, request

from platehost.jobs import JobRequest
from platehost.reading import Outcome
from web.auth import current_plan
from web.service import service

RETRY_AFTER_SECONDS = 1


@dataclass(frozen=True)
class Answer:
    """A submitted job; `outcome` is None when the sync window ended before the job did."""

    job_id: str
    outcome: Outcome | None


def register(app: Flask) -> None:
    """Tells the job's id in every answer that has one."""
    app.after_request(_name_job)


def recognise(picture: bytes, job: JobRequest) -> Answer:
    """Submits the picture and waits for at most the sync window. Raises QueueFull, QuotaUsedUp or redis.RedisError."""
    job_id = service().jobs.submit(picture, job, calls=current_plan().calls)
    g.job_id = job_id
    (outcome,) = wait_all([job_id])
    return Answer(job_id, outcome)


def wait_all(job_ids: Sequence[str]) -> list[Outcome | None]:
    """The jobs' outcomes, None for those that have not ended within the sync window, which they share.

    A client that prefers not to wait (RFC 7240) gets None at once.
    """
    built = service()
    # Without a free slot the jobs are accepted all the same; only the waiting is left to the client.
    if _prefers_async() or not built.wait_slots.acquire(blocking=False):
        return [None] * len(job_ids)
    ends = time.monotonic() + built.settings.sync_window
    try:
        with built.turns.between():
            return [built.jobs.wait(job_id, ends - time.monotonic()) for job_id in job_ids]
    finally:
        built.wait_slots.release()


def _prefers_async() -> bool:
    wishes = ",".join(request.headers.getlist("Prefer")).lower().split(",")
    return any(wish.partition(";")[0].strip() == "respond-async" for wish in wishes)


def _name_job(response: Response) -> Response:
    if g.get("job_id"):
        response.headers["X-Job-Id"] = g.job_id
    return response


def status_url(job_id: str) -> str:
    return f"{request.host_url.rstrip('/')}/api/v1/jobs/{job_id}"


def pending(
    job_id: str, *, state: str = "queued", done: int = 0, total: int = 1, also: Mapping[str, Any] | None = None
) -> Response:
    """202: the job goes on. There is no `results`, so that no client takes this for a picture without plates.

    `also` are members that the face's clients look for in every answer.
    """
    response = jsonify({**job_body(job_id, state, done=done, total=total), **(also or {})})
    response.status_code = 202
    if _prefers_async():
        response.headers["Preference-Applied"] = "respond-async"
    response.headers["Location"] = status_url(job_id)
    response.headers["Retry-After"] = str(RETRY_AFTER_SECONDS)
    return response


def job_body(job_id: str, state: str, *, done: int, total: int = 1) -> dict[str, Any]:
    """The members that every answer about a job has."""
    return {
        "success": True,
        "job_id": job_id,
        "state": state,
        "progress": {"done": done, "total": total},
        "status_url": status_url(job_id),
    }
