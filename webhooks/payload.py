"""The body of a delivery, byte for byte as receivers of the Snapshot API's webhooks read it.

Some of them URL-unquote a JSON body, and turn `+` into a blank, before they parse it. So a body has neither `+` nor `%`
in plain, nor anything beyond ASCII: JSON has escapes for all of it.
"""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote

from urllib3.fields import RequestField
from urllib3.filepost import encode_multipart_formdata

from platehost.deliveries import TEST_EVENT, Delivery
from platehost.options import Options
from platehost.reading import Reading, from_json
from platehost.renderings import plate_reader, snapshot
from platehost.targets import Target
from webhooks.picture import prepare

log = logging.getLogger("webhooks.payload")

_ENDINGS = {"image/jpeg": (".jpg", ".jpeg"), "image/png": (".png",)}


@dataclass(frozen=True)
class Body:
    """A request's body and its Content-Type; receivers compare `application/json` to the letter.

    `signed` is what signatures are made over: the body, and for multipart also its JSON alone. The public libraries
    take text only, and a body with a picture is none.
    """

    content: bytes
    content_type: str
    signed: tuple[bytes, ...]


def build(target: Target, delivery: Delivery, picture: bytes | None) -> Body:
    """The body for this target; without a picture, a multipart one holds the JSON alone."""
    upload: tuple[bytes, str] | None = None
    if delivery.event.get("test"):
        return _wrap(target, _hook(target, TEST_EVENT), _test_data(delivery), upload)
    reading = from_json({"reading": delivery.event["reading"]})
    assert isinstance(reading, Reading)  # noqa: S101 - only readings are stored for deliveries
    if picture is not None and target.format == "multipart" and target.image != "none":
        try:
            content, media_type, reading = prepare(picture, reading, target.image)
            upload = content, media_type
        except (OSError, ValueError, SyntaxError):
            # The core read it, Pillow cannot: the reading still counts.
            log.warning("a picture could not be prepared, sent without", extra={"fields": {"delivery": delivery.id}})
    return _wrap(target, _hook(target, target.event), _data(delivery, reading), upload)


def _wrap(target: Target, hook: Mapping[str, Any], data: Mapping[str, Any], upload: tuple[bytes, str] | None) -> Body:
    text = escaped({"hook": hook, "data": data})
    if target.format == "form":
        # Blanks as %20: not every receiver takes `+` for one.
        form = f"json={quote(text, safe='')}".encode()
        return Body(form, "application/x-www-form-urlencoded", (form,))
    if target.format == "json":
        return Body(text.encode(), "application/json", (text.encode(),))
    part = RequestField("json", text)
    part.make_multipart()
    parts = [part]
    if upload:
        content, media_type = upload
        part = RequestField("upload", content, filename=_file_name(str(data["filename"]), media_type))
        part.make_multipart(content_type=media_type)
        parts.append(part)
    body, content_type = encode_multipart_formdata(parts)
    return Body(body, content_type, (body, text.encode()))


def escaped(payload: Mapping[str, Any]) -> str:
    """JSON in ASCII without `+` and `%`."""
    return json.dumps(payload, separators=(",", ":"), allow_nan=False).replace("+", "\\u002b").replace("%", "\\u0025")


def _hook(target: Target, event: str) -> dict[str, Any]:
    return {"target": target.url, "id": target.id, "event": event}


def _data(delivery: Delivery, reading: Reading) -> dict[str, Any]:
    """What the look-up answered, with the boxes of `reading`."""
    echo = dict(delivery.event["echo"])
    job = str(delivery.event["job"])
    echo = {
        "filename": echo.get("filename") or f"{job}.jpg",
        "camera_id": echo.get("camera_id"),
        "timestamp": _timestamp(echo.get("timestamp"), delivery.created),
    }
    return plate_reader.cloud_answer(reading, Options.from_json(delivery.event["options"]), echo)


def _test_data(delivery: Delivery) -> dict[str, Any]:
    echo = {"filename": "test.jpg", "camera_id": "test", "timestamp": _timestamp(None, delivery.created)}
    return snapshot.body(Reading(640, 480), [], echo)


def _timestamp(sent: str | None, created: float) -> str:
    """Always with microseconds and Z: receivers parse it with a fixed pattern."""
    moment = datetime.fromtimestamp(created, UTC)
    if sent:
        moment = datetime.fromisoformat(sent)
        moment = moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    return moment.strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def _file_name(name: str, media_type: str) -> str:
    """Receivers write the picture to disk under this name."""
    name = re.sub(r"[^A-Za-z0-9._-]", "_", name).lstrip("._-")[-150:] or "picture"
    endings = _ENDINGS[media_type]
    if name.lower().endswith(endings):
        return name
    return re.sub(r"\.(jpe?g|png|webp)$", "", name, flags=re.IGNORECASE) + endings[0]
