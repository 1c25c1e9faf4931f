"""Every error of every route as JSON, in the words of the API that the path belongs to.

Snapshot: `{"detail", "status_code"}`, `{"<field>": ["…"]}` for 400, `{"error", "detail"}` for 413. NPR, under /api/v1:
`{"success": false, "error": {"code", "message"}}`. CodeProject.AI: `{"success": false, "error", "code"}`. All
other paths answer like Snapshot.
"""

from __future__ import annotations

import logging
import math
import time
from typing import Any

from flask import Flask, Response, g, jsonify, request
from werkzeug.exceptions import HTTPException, MethodNotAllowed, RequestEntityTooLarge

from platehost import metrics
from platehost.jobs import QueueFull
from platehost.options import OptionError
from platehost.reading import Failure
from platehost.store import RedisError, is_outage
from platehost.usage import QuotaUsedUp

log = logging.getLogger("web")

# The text that clients of the original API know; what is wrong in this case stands in `detail`.
SNAPSHOT_TOO_LARGE = "Invalid file. See https://app.platerecognizer.com/upload-limit/"

_NPR_CODES = {
    400: "INVALID_REQUEST",
    401: "INVALID_API_KEY",
    403: "FORBIDDEN",
    404: "NOT_FOUND",
    405: "METHOD_NOT_ALLOWED",
    409: "JOB_CANCELLED",
    410: "RESULT_GONE",
    413: "IMAGE_TOO_LARGE",
    415: "UNSUPPORTED_MEDIA_TYPE",
    422: "NO_PLATES_FOUND",
    429: "RATE_LIMIT_EXCEEDED",
    503: "SERVICE_UNAVAILABLE",
}

_FAILURE_STATUS = {
    "image_too_large": (413, "upload"),
    "invalid_option": (400, "config"),
    "cancelled": (409, None),
    "result_gone": (410, None),
    "picture_gone": (503, None),
    "deadline_exceeded": (503, None),
    "job_failed": (500, None),
}


class ApiError(Exception):
    """An answer that is an error. `field` names the request's field at fault, if it is one field's."""

    def __init__(
        self,
        status: int,
        message: str,
        *,
        field: str | None = None,
        retry_after: int | None = None,
        headers: dict[str, str] | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.field = field
        self.retry_after = retry_after
        self.headers = headers or {}


def failure_error(failure: Failure) -> ApiError:
    """The answer for a picture that has no reading. A failure that this table does not know is the picture's fault."""
    status, field = _FAILURE_STATUS.get(failure.code, (400, "upload"))
    return ApiError(status, failure.message, field=field, retry_after=1 if status == 503 else None)


def is_npr_path(path: str) -> bool:
    return path == "/api/v1" or path.startswith("/api/v1/")


def is_codeproject_path(path: str) -> bool:
    return path.startswith(("/v1/vision/", "/v1/image/"))


def npr_code(error: ApiError) -> str:
    """The NPR API's code for an error."""
    if error.status == 400 and error.field == "upload":
        return "INVALID_IMAGE"
    return _NPR_CODES.get(error.status, "INTERNAL_ERROR")


def body(error: ApiError, path: str) -> dict[str, Any]:
    """The JSON body of an error for a request to `path`."""
    if is_npr_path(path):
        code = npr_code(error)
        # That code says already that it is the picture.
        message = error.message if code == "INVALID_IMAGE" else _with_field(error)
        return {"success": False, "error": {"code": code, "message": message}}
    if is_codeproject_path(path):
        return {"success": False, "error": _with_field(error), "code": error.status}
    if error.status == 400:
        return {error.field or "non_field_errors": [error.message]}
    if error.status == 413:
        return {"error": SNAPSHOT_TOO_LARGE, "detail": error.message, "status_code": 413}
    return {"detail": error.message, "status_code": error.status}


def _with_field(error: ApiError) -> str:
    """The message, which names the field at fault where the body has no other place for it."""
    return f"{error.field}: {error.message}" if error.field and error.field not in error.message else error.message


def register(app: Flask) -> None:
    """Makes every way to fail in `app` answer through this module."""
    app.register_error_handler(ApiError, respond)
    app.register_error_handler(OptionError, lambda error: respond(ApiError(400, str(error), field=error.field)))
    app.register_error_handler(QueueFull, lambda error: respond(_queue_full()))
    app.register_error_handler(QuotaUsedUp, lambda error: respond(_quota_used_up(error)))
    app.register_error_handler(RequestEntityTooLarge, lambda error: respond(_body_too_large(app)))
    app.register_error_handler(HTTPException, _http_error)
    app.register_error_handler(RedisError, _store_error)
    app.register_error_handler(Exception, _unforeseen)


def respond(error: ApiError) -> Response:
    """The response for an error of the current request."""
    response = jsonify(body(error, request.path))
    response.status_code = error.status
    response.headers.update(error.headers)
    if error.retry_after is not None:
        response.headers["Retry-After"] = str(error.retry_after)
    g.error = error.message
    metrics.ERRORS.labels(npr_code(error)).inc()
    return response


def _queue_full() -> ApiError:
    return ApiError(503, "Too many pictures are waiting already. Try again in 2 seconds.", retry_after=2)


def _quota_used_up(error: QuotaUsedUp) -> ApiError:
    quota = error.quota
    left = "all used" if not quota.left or error.wanted == 1 else f"used but for {quota.left}, too few for this batch"
    renewed = quota.resets_on.strftime("%Y-%m-%dT%H:%M:%SZ")
    message = (
        f"Not enough credits: the plan's {quota.calls} calls of this month are {left}. New ones come on {renewed}."
    )
    if is_npr_path(request.path):
        # The API has no other code for it, and its clients know what to do with this one.
        return ApiError(429, message, retry_after=max(1, math.ceil(quota.resets_on.timestamp() - time.time())))
    return ApiError(403, message)


def _body_too_large(app: Flask) -> ApiError:
    # One exception stands for too many bytes and for too many parts; a body within its bounds has the latter.
    if request.content_length is not None and request.content_length <= (request.max_content_length or 0):
        most = request.max_form_parts
        return ApiError(400, f"The form has over {most} parts. Send the picture and its fields, and nothing else.")
    limit = app.extensions["platehost"].settings.max_upload_mb
    return ApiError(
        413, f"The request is too large: a picture may have {limit:g} MB. Send a smaller one.", field="upload"
    )


def _http_error(error: HTTPException) -> Response:
    status = error.code or 500
    messages = {
        400: "The request cannot be understood.",
        404: "Not found.",
        405: f'Method "{request.method}" not allowed.',
    }
    allowed = error.valid_methods if isinstance(error, MethodNotAllowed) else None
    headers = {"Allow": ", ".join(allowed)} if allowed else {}
    return respond(ApiError(status, messages.get(status) or error.description or error.name, headers=headers))


def _store_error(error: Exception) -> Response:
    if not is_outage(error):
        return _unforeseen(error)
    log.warning("the store is not reachable", extra={"fields": {"error": str(error)}})
    return respond(ApiError(503, "The service's store is not reachable. Try again in 1 second.", retry_after=1))


def _unforeseen(error: Exception) -> Response:
    log.error("unforeseen error", exc_info=error)
    return respond(ApiError(500, "The server failed to handle the request. Its log has the reason."))
