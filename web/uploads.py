"""The picture and the fields of a request, in every encoding that clients of the APIs send.

A file part or a base64 text field of a multipart form, a base64 field of a urlencoded form, or a JSON object.
"""

from __future__ import annotations

import base64
import binascii
import re
import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from tempfile import SpooledTemporaryFile
from typing import IO, Any
from urllib.parse import parse_qsl

from flask import Request
from werkzeug.exceptions import BadRequest
from werkzeug.formparser import FormDataParser

from web.errors import ApiError

# Base64 makes 4/3 of a picture, line breaks and percent-encoding a few percent more; the other fields need room too.
TEXT_OVERHEAD = 1.5
FIELDS_BYTES = 256_000
LONGEST_URL = 2000

# A larger body waits on the disk, as a larger file part does.
_IN_MEMORY = 1 << 20
_PIECE = 1 << 16

# From a URL to the picture's bytes and its file name, if it has one.
Fetch = Callable[[str], tuple[bytes, str | None]]

_FORM_TYPES = {"multipart/form-data", "application/x-www-form-urlencoded"}
_DATA_URL = re.compile(r"data:[\w.+/-]*(;[\w=.+-]+)*,", re.ASCII)


@dataclass(frozen=True)
class Upload:
    """One picture: its bytes, its format by its first bytes (`jpg`, `png`, `webp`), the client's file name if any."""

    picture: bytes
    format: str
    filename: str | None


class Fields:
    """The request's other fields; a JSON object and a form look the same."""

    def __init__(self, request: Request) -> None:
        """Raises ApiError for a body that cannot be read as what it says it is."""
        self._request = request
        self._object: Mapping[str, Any] | None = _json_object(request) if request.is_json else None
        if self._object is None and request.mimetype not in _FORM_TYPES and request.content_length:
            raise ApiError(
                415,
                f'Unsupported media type "{request.mimetype or "none"}" in request. '
                "Send a form (multipart/form-data or urlencoded) or a JSON object with the field upload.",
            )

    def value(self, name: str) -> Any:
        """The field's first value: text from a form, any JSON value from an object; None when it is absent."""
        if self._object is not None:
            return self._object.get(name)
        return self._request.form.get(name)

    def values(self, name: str) -> list[Any]:
        """All values of a repeatable field; a JSON array counts as repeated. Raises ApiError for text that is none."""
        found = self._request.form.getlist(name) if self._object is None else self._object.get(name)
        values = found if isinstance(found, list) else [] if found is None else [found]
        for value in values:
            if isinstance(value, str):
                _check_text(name, value)
        return values

    def text(self, name: str, *, longest: int) -> str | None:
        """A short text field, None when absent. Raises ApiError when it is longer than `longest` characters."""
        value = self.value(name)
        if value is None:
            return None
        if isinstance(value, dict | list | bool):
            raise ApiError(400, "Not a valid string.", field=name)
        text = str(value)
        _check_text(name, text)
        if len(text) > longest:
            raise ApiError(400, f"Ensure this field has no more than {longest} characters.", field=name)
        return text


class Forms(FormDataParser):
    """Marks what is not UTF-8 in a urlencoded form as in a multipart one, with U+FFFD; Werkzeug leaves it escaped."""

    def _parse_urlencoded(
        self, stream: IO[bytes], mimetype: str, content_length: int | None, options: dict[str, str]
    ) -> Any:
        pairs = parse_qsl(stream.read().decode("utf-8", "replace"), keep_blank_values=True, errors="replace")
        return stream, self.cls(pairs), self.cls()


class FormRequest(Request):
    """A request whose forms are read by `Forms`."""

    form_data_parser_class = Forms


def _check_text(name: str, text: str) -> None:
    try:
        text.encode()
        fine = "\ufffd" not in text and "\0" not in text
    except UnicodeEncodeError:  # half of a surrogate pair, which JSON can hold
        fine = False
    if not fine:
        raise ApiError(400, "Not a valid string: it must be UTF-8 without null characters.", field=name)


def receive_body(request: Request) -> None:
    """Waits until the whole body is there: to read it then takes no client's time. Raises RequestEntityTooLarge."""
    received = SpooledTemporaryFile(_IN_MEMORY)  # noqa: SIM115 - it lives as long as the request
    shutil.copyfileobj(request.stream, received, _PIECE)
    received.seek(0)
    request.stream = received


def read_upload(
    request: Request, fields: Fields, limit: int, *, names: Sequence[str] = ("upload",), fetch: Fetch | None = None
) -> Upload:
    """The picture in the first present field of `names`, as a file part or as base64 text; `limit` is in its own bytes.

    `fetch` gets the URL in `upload_url` when there is no picture; without it, URLs are refused. Raises ApiError: 400
    when it is no picture, 413 when it is too large.
    """
    for name in names:
        part = request.files.get(name)
        if part is not None:
            return judge(part.stream.read(limit + 1), limit, part.filename or None)
    text = next((text for text in map(fields.value, names) if text not in (None, "")), None)
    if text is not None:
        return judge(_from_base64(text), limit, None)
    url = fields.text("upload_url", longest=LONGEST_URL)
    if url and fetch:
        picture, filename = fetch(url.strip())
        return judge(picture, limit, filename, field="upload_url")
    if url:
        raise ApiError(400, "Pictures are not fetched by URL here. Send the field upload.", field="upload_url")
    raise ApiError(400, f"No file was submitted. Send the picture in the field {names[0]}.", field="upload")


def judge(picture: bytes, limit: int, filename: str | None, *, field: str = "upload") -> Upload:
    """The picture as an upload. Raises ApiError when it is empty, of another format or over `limit` bytes."""
    if not picture:
        raise ApiError(400, "The submitted file is empty.", field=field)
    if len(picture) > limit:
        raise ApiError(
            413,
            f"The picture in {field} is too large: at most {limit / 1e6:g} MB are taken. Send a smaller one.",
            field=field,
        )
    return Upload(picture, _format(picture, field), filename)


def _from_base64(text: Any) -> bytes:
    if not isinstance(text, str):
        raise ApiError(400, "Must be a file or its bytes as base64 text.", field="upload")
    prefix = _DATA_URL.match(text.lstrip()[:200])
    if prefix:
        text = text.lstrip()[prefix.end() :]
    # A client that does not escape its form turns `+` into a blank; line breaks are just how some tools wrap.
    text = re.sub(r"[\r\n\t]", "", text).strip().replace(" ", "+").replace("-", "+").replace("_", "/")
    try:
        return base64.b64decode(text + "=" * (-len(text) % 4), validate=True)
    except (binascii.Error, ValueError):
        raise ApiError(
            400, "Must be a file or its bytes as base64 text; this text is not base64.", field="upload"
        ) from None


def _format(picture: bytes, field: str) -> str:
    """By the first bytes: part types and file names of real clients are often wrong or missing."""
    if picture.startswith(b"\xff\xd8\xff"):
        return "jpg"
    if picture.startswith(b"\x89PNG\r\n\x1a\n"):
        return "png"
    if picture.startswith(b"RIFF") and picture[8:12] == b"WEBP":
        return "webp"
    raise ApiError(
        400,
        "Upload a valid image. The file you uploaded was either not an image or a corrupted image. "
        "JPEG, PNG and WebP are taken.",
        field=field,
    )


def _json_object(request: Request) -> Mapping[str, Any]:
    try:
        parsed = request.get_json()
    except (BadRequest, RecursionError):
        raise ApiError(400, "The body is not valid JSON.") from None
    if not isinstance(parsed, dict):
        raise ApiError(400, "The body must be a JSON object with the field upload.")
    return parsed
