"""What a request to the Snapshot API asks for, read the same way for the cloud's and the SDK's clients."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from flask import request

from platehost.options import Options, parse_options
from web.auth import current_plan
from web.errors import ApiError
from web.fetch import fetch_picture
from web.service import service
from web.uploads import Fields, Upload, read_upload

LONGEST_CAMERA_ID = 500
LONGEST_TIMESTAMP = 64


@dataclass(frozen=True)
class Lookup:
    """One request: `moment` is the client's time in UTC, or that of receipt; `precise` tells if it has a fraction."""

    upload: Upload
    options: Options
    camera_id: str | None
    received: datetime
    moment: datetime
    precise: bool


def read_lookup(names: Sequence[str] = ("upload",)) -> Lookup:
    """The current request's picture, in a field of `names`, and its fields. Raises ApiError or OptionError."""
    received = datetime.now(UTC)
    fields = Fields(request)
    upload = read_upload(request, fields, service().settings.max_upload_bytes, names=names, fetch=fetch_picture)
    options = parse_options(
        regions=fields.values("regions"),
        mmc=fields.value("mmc"),
        direction=fields.value("direction"),
        config=fields.value("config"),
    )
    if options.mmc and not current_plan().mmc:
        options = replace(options, mmc=False, direction=False)
    sent = _timestamp(fields)
    return Lookup(
        upload=upload,
        options=options,
        camera_id=fields.text("camera_id", longest=LONGEST_CAMERA_ID),
        received=received,
        moment=sent or received,
        precise=sent is None or sent.microsecond > 0,
    )


def _timestamp(fields: Fields) -> datetime | None:
    """The client's time in UTC; a time without a zone is taken for UTC."""
    sent = fields.text("timestamp", longest=LONGEST_TIMESTAMP)
    if not sent or not sent.strip():
        return None
    try:
        moment = datetime.fromisoformat(sent.strip())
        return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    except (ValueError, OverflowError):
        raise ApiError(
            400,
            "Datetime has wrong format. Use one of these formats instead: "
            "YYYY-MM-DDThh:mm[:ss[.uuuuuu]][+HH:MM|-HH:MM|Z].",
            field="timestamp",
        ) from None
