"""What a client still sends when its answer is there already.

A server that answers and closes while its client sends resets the connection, and the client may never see the answer
(RFC 9112, 9.6). So what is left of a refused upload is read and dropped, within bounds: of bytes, of seconds, looked at
after each piece, and, for clients without a key, of threads.
"""

from __future__ import annotations

import threading
import time

from flask import Flask, Response, current_app, g, request

_EXTENSION = "platehost_unread"
_PIECE = 1 << 16
# Of the largest request: a photo that is over the limit is told so, and not one that is many times it.
_BODIES = 2
_SECONDS = 10.0
# One of so many threads may do so for strangers: one who sends nothing holds it for as long as the connection stays.
_SHARE = 8


def register(app: Flask, threads: int) -> None:
    """Reads what is left whenever the answer is an error; `threads` are those of the process."""
    app.extensions[_EXTENSION] = threading.Semaphore(max(1, threads // _SHARE))
    app.after_request(_after)


def _after(response: Response) -> Response:
    # Who waits for leave to send (RFC 9110, 10.1.1) has not begun to, and the answer spares it the way.
    if response.status_code >= 400 and "100-continue" not in request.headers.get("Expect", "").lower():
        _drop()
    return response


def _drop() -> None:
    most = _BODIES * int(current_app.config["MAX_CONTENT_LENGTH"])
    length = request.content_length
    chunked = "chunked" in request.headers.get("Transfer-Encoding", "").lower()
    if not (length or chunked) or (length or 0) > most:
        return
    current_app.extensions["platehost"].turns.end()
    slots: threading.Semaphore = current_app.extensions[_EXTENSION]
    stranger = g.get("key") is None
    if stranger and not slots.acquire(blocking=False):
        return
    try:
        _read(length or most)
    finally:
        if stranger:
            slots.release()


def _read(left: int) -> None:
    # Not the request's own stream: that one ends with an error at a length which the limit forbids.
    body = request.environ["wsgi.input"]
    ends = time.monotonic() + _SECONDS
    try:
        while left > 0 and time.monotonic() < ends and (piece := body.read(min(_PIECE, left))):
            left -= len(piece)
    except OSError:  # broken off
        return
