"""Browsers of any origin may call the faces: keys come in a header, never in a cookie."""

from __future__ import annotations

from flask import Flask, Response, request

_ALLOWED_HEADERS = "Authorization, Content-Type, Prefer, X-Request-Id"
_SHOWN_HEADERS = (
    "Location, Preference-Applied, Retry-After, X-Job-Id, X-RateLimit-Limit, X-RateLimit-Remaining, X-RateLimit-Reset, "
    "X-Request-Id"
)


def register(app: Flask) -> None:
    app.after_request(_allow)


def _allow(response: Response) -> Response:
    if request.path.startswith(("/v1/", "/api/v1/", "/alpr", "/info")):
        response.headers["Access-Control-Allow-Origin"] = "*"
        response.headers["Access-Control-Expose-Headers"] = _SHOWN_HEADERS
        if request.method == "OPTIONS":
            response.headers["Access-Control-Allow-Methods"] = response.headers.get("Allow", "GET, POST, OPTIONS")
            response.headers["Access-Control-Allow-Headers"] = _ALLOWED_HEADERS
            response.headers["Access-Control-Max-Age"] = "86400"
    return response
