"""Pictures by URL (`upload_url`): one GET to an address that the guard allows, within bounds of time and size."""

from __future__ import annotations

from urllib.parse import unquote, urlsplit

from platehost.outbound import OutboundError
from web.errors import ApiError
from web.service import service


def fetch_picture(url: str) -> tuple[bytes, str | None]:
    """The bytes at `url` and the last part of its path. Redirects are not followed. Raises ApiError."""
    built = service()
    name = _file_name(url)
    # Slow servers of other people must not take all threads.
    if not built.fetch_slots.acquire(blocking=False):
        raise ApiError(503, "Too many pictures are being fetched by URL. Try again in 1 second.", retry_after=1)
    try:
        with built.turns.between():
            answer = built.outbound.send(
                "GET",
                url,
                # A kept connection that its server ends just now would be a picture refused for nothing.
                headers={"Accept": "image/*", "Connection": "close"},
                seconds=built.settings.fetch_timeout,
                most_bytes=built.settings.max_upload_bytes,
            )
    except OutboundError as error:
        raise _refusal(f"The picture could not be fetched: {error}") from None
    finally:
        built.fetch_slots.release()
    if answer.status != 200:
        raise _refusal(f"The picture could not be fetched: its server answered with status {answer.status}.")
    if not answer.whole:
        limit = built.settings.max_upload_mb
        raise ApiError(413, f"The picture at upload_url has over {limit:g} MB. Send a smaller one.", field="upload_url")
    return answer.body, name


def _file_name(url: str) -> str | None:
    try:
        parts = urlsplit(url)
        usable = parts.scheme in {"http", "https"} and bool(parts.hostname) and (parts.port or 1) > 0
    except ValueError:
        usable = False
    if not usable or not url.isprintable():
        raise _refusal("Enter a valid URL. It must begin with http:// or https://.")
    if "@" in parts.netloc:
        raise _refusal("The URL must not hold a user's name or password.")
    return unquote(parts.path.rpartition("/")[2]) or None


def _refusal(message: str) -> ApiError:
    return ApiError(400, message, field="upload_url")
