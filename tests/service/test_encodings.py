"""What clients send in odd forms reaches the job as it was meant."""

from __future__ import annotations

import base64
import dataclasses
import io
import json
import zlib
from typing import Any

import pytest
import redis
from flask.testing import FlaskClient

from platehost.settings import Settings
from web.app import create_app

JPEG = b"\xff\xd8\xff\xe0 the first bytes of a picture"
PATH = "/v1/plate-reader/"


@pytest.fixture
def client(settings: Settings) -> FlaskClient:
    return create_app(dataclasses.replace(settings, sync_window=0)).test_client()


def options_of(store: redis.Redis, job_id: str) -> dict[str, Any]:
    """The options with which a job was enqueued."""
    stored = store.hget(f"rq:job:{job_id}", "data")
    options: dict[str, Any] = json.loads(zlib.decompress(stored))[3]["options"]
    return options


def multipart(*parts: tuple[str, str, bytes]) -> dict[str, Any]:
    """A body with these parts: name, further headers, content."""
    body = b"".join(
        f'--b\r\nContent-Disposition: form-data; name="{name}"{more}\r\n\r\n'.encode() + content + b"\r\n"
        for name, more, content in parts
    )
    return {"data": body + b"--b--\r\n", "content_type": "multipart/form-data; boundary=b"}


def test_a_long_base64_text_in_a_form_is_taken(client: FlaskClient, token: dict[str, str], store: redis.Redis) -> None:
    # Flask itself refuses text fields of over 500 kB.
    picture = JPEG + bytes(900_000)
    for body in (
        multipart(("upload", "", base64.b64encode(picture))),
        {"data": {"upload": base64.encodebytes(picture).decode()}},
    ):
        answer = client.post(PATH, headers=token, **body)
        assert answer.status_code == 202
        assert store.get(f"blob:{answer.get_json()['job_id']}:0") == picture


def test_the_order_of_parts_is_free(client: FlaskClient, token: dict[str, str], store: redis.Redis) -> None:
    upload = ("upload", '; filename="a.jpg"', JPEG)
    regions = ("regions", "", b"us-ca")
    for parts in ((upload, regions), (regions, upload)):
        answer = client.post(PATH, headers=token, **multipart(*parts))
        assert options_of(store, answer.get_json()["job_id"])["regions"] == ["us-ca"]


@pytest.mark.parametrize("media_type", ["text/plain; charset=utf-8", "image/gif", "application/octet-stream", ""])
def test_the_media_type_of_a_part_means_nothing(client: FlaskClient, token: dict[str, str], media_type: str) -> None:
    more = '; filename="0b1c-alpr.png"' + (f"\r\nContent-Type: {media_type}" if media_type else "")
    assert client.post(PATH, headers=token, **multipart(("upload", more, JPEG))).status_code == 202


@pytest.mark.parametrize(
    "fields",
    [
        {"regions": ["us-ca", "GB"]},
        {"regions": "us-ca,gb"},
        {"regions": ["us-ca", "", "nowhere", "gb"]},
    ],
    ids=["repeated", "a list in one field", "with unknown and empty ones"],
)
def test_regions_come_in_many_forms(
    client: FlaskClient, token: dict[str, str], store: redis.Redis, fields: dict[str, Any]
) -> None:
    answer = client.post(PATH, headers=token, data={"upload": (io.BytesIO(JPEG), "a.jpg"), **fields})
    assert options_of(store, answer.get_json()["job_id"])["regions"] == ["us-ca", "gb"]


def test_every_field_and_key_reaches_the_job(client: FlaskClient, token: dict[str, str], store: redis.Redis) -> None:
    config = {
        "region": "strict",
        "threshold_d": 0.3,
        "threshold_o": 0.7,
        "mode": "redaction",
        "detection_rule": "strict",
        "detection_mode": "vehicle",
        "text_formats": ["[0-9][0-9][0-9][a-z][a-z]"],
        "plates_per_vehicle": 2,
        "zoom_in_vehicles": 0,
    }
    sent = {"regions": ["gb"], "mmc": "True", "direction": "true", "config": json.dumps(config)}
    form = client.post(PATH, headers=token, data={"upload": (io.BytesIO(JPEG), "a.jpg"), **sent})
    whole = {"upload": base64.b64encode(JPEG).decode(), "regions": ["gb"], "mmc": True, "direction": True}
    body = client.post(PATH, headers=token, json={**whole, "config": config})
    expected = {**config, "regions": ["gb"], "mmc": True, "direction": True, "region_strict": True}
    del expected["region"]
    for answer in (form, body):
        assert options_of(store, answer.get_json()["job_id"]) == expected


@pytest.mark.parametrize("scheme", ["Token", "Bearer", "token", "BEARER"])
@pytest.mark.parametrize("path", [PATH, "/api/v1/recognise"])
def test_every_face_takes_both_schemes(client: FlaskClient, key: str, path: str, scheme: str) -> None:
    headers = {"Authorization": f"{scheme} {key}"}
    assert client.post(path, headers=headers, data={"upload": (io.BytesIO(JPEG), "a.jpg")}).status_code == 202
