"""Submit a picture and wait for its reading, shared by the faces."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from flask import Response, g, jsonify, request

from platehost.jobs import JobRequest, JobState
from platehost.reading import Outcome
from web.service import service

RETRY_AFTER_SECONDS = 1


@dataclass(frozen=True)
class Answer:
    """A submitted job; `outcome` is None when the sync window ended before the job did."""

    job_id: str
    outcome: Outcome | None


def recognise(picture: bytes, job: JobRequest) -> Answer:
    """Submits the picture and waits for at most the sync window. Raises QueueFull or redis.RedisError."""
    built = service()
    job_id = built.jobs.submit(picture, job)
    g.job_id = job_id
    # Without a free slot the job is accepted all the same; only the waiting is left to the client.
    if not built.wait_slots.acquire(blocking=False):
        return Answer(job_id, None)
    try:
        return Answer(job_id, built.jobs.wait(job_id, built.settings.sync_window))
    finally:
        built.wait_slots.release()


def status_url(job_id: str) -> str:
    return f"{request.host_url.rstrip('/')}/api/v1/jobs/{job_id}"


def pending(job_id: str) -> Response:
    """202: the job goes on. There is no `results`, so that no client takes this for a picture without plates."""
    response = jsonify(job_body(job_id, "queued", done=0))
    response.status_code = 202
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


def is_ended(state: JobState) -> bool:
    return state.outcome is not None
