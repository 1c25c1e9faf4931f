"""Base64 in all its forms, and file names that receivers can use as they are."""

from __future__ import annotations

import base64
import re
from datetime import UTC, datetime

from flask import Flask, request
from hypothesis import given
from hypothesis import strategies as st

from web.errors import ApiError
from web.filenames import cloud_filename
from web.uploads import Fields, Upload, read_upload

JPEG = b"\xff\xd8\xff"
app = Flask(__name__)


def read(text: str) -> bytes:
    with app.test_request_context("/", method="POST", json={"upload": text}):
        return read_upload(request, Fields(request), 1_000_000).picture


@given(st.binary(max_size=300), st.booleans(), st.booleans(), st.booleans(), st.integers(1, 90))
def test_base64_is_read_wrapped_unpadded_url_safe_or_with_a_prefix(
    rest: bytes, prefix: bool, padded: bool, url_safe: bool, width: int
) -> None:
    encode = base64.urlsafe_b64encode if url_safe else base64.b64encode
    text = encode(JPEG + rest).decode()
    text = "\r\n".join(text[start : start + width] for start in range(0, len(text), width))
    if not padded:
        text = text.rstrip("=")
    if prefix:
        text = "data:image/jpeg;base64," + text
    assert read(text) == JPEG + rest


@given(st.text(max_size=200))
def test_any_text_is_a_picture_or_a_400(text: str) -> None:
    refused = None
    try:
        read(text)
    except ApiError as error:
        refused = error
    assert refused is None or (refused.status, refused.field) == (400, "upload")


@given(st.text(max_size=400))
def test_file_names_are_safe(name: str) -> None:
    made = cloud_filename(Upload(JPEG, "jpg", name), datetime(2026, 11, 22, 7, 5, tzinfo=UTC))
    assert re.fullmatch(r"0705_[A-Z0-9]{5}_[A-Za-z0-9][A-Za-z0-9._-]*", made)
    assert len(made) <= 200
