"""Answers that are whole go to the server whole."""

from __future__ import annotations

from typing import TYPE_CHECKING

from flask import Response

if TYPE_CHECKING:
    from collections.abc import Iterable

    from _typeshed.wsgi import StartResponse, WSGIEnvironment


class WholeResponse(Response):
    """Given as a list: from an iterator, granian fetches each piece by a thread that has to wait for Python's lock."""

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        pieces = super().__call__(environ, start_response)
        if self.is_streamed or self.direct_passthrough:
            return pieces
        try:
            return list(pieces)
        finally:
            self.close()
