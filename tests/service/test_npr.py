"""POST /api/v1/recognise of the running service."""

from __future__ import annotations

import io
import time
from typing import Any

import requests
from PIL import Image

from tests.service.support import SAMPLE_PLATE, Processes

RATE_HEADERS = ("X-RateLimit-Limit", "X-RateLimit-Remaining", "X-RateLimit-Reset")


def post(running: Processes, key: str, picture: bytes, **rest: Any) -> requests.Response:
    return requests.post(
        f"{running.url}/api/v1/recognise",
        headers={"Authorization": f"Bearer {key}"},
        files={"upload": ("car.jpg", picture)},
        timeout=30,
        **rest,
    )


def blank(width: int, height: int) -> bytes:
    file = io.BytesIO()
    Image.new("RGB", (width, height), (120, 130, 140)).save(file, "JPEG")
    return file.getvalue()


def test_it_reads_a_picture(running: Processes, running_key: str, photo: bytes) -> None:
    answer = post(running, running_key, photo)
    assert answer.status_code == 200
    body = answer.json()
    assert body["success"] is True
    (result,) = body["results"]
    assert list(result) == ["plate", "confidence", "region", "bounding_box", "vehicle"]
    assert result["plate"].replace(" ", "").replace("-", "") == SAMPLE_PLATE.upper()
    assert 0.6 <= result["confidence"] <= 1
    assert result["vehicle"] == {} or result["vehicle"]["source"] == "picture"
    box = result["bounding_box"]
    assert all(type(side) is int for side in box.values())
    assert box["x"] >= 0
    assert box["x"] + box["width"] <= 1280
    assert box["y"] >= 0
    assert box["y"] + box["height"] <= 720
    assert all(answer.headers[name].isdigit() for name in RATE_HEADERS)
    assert abs(int(answer.headers["X-RateLimit-Reset"]) - time.time()) < 5


def test_a_picture_without_plates_is_422(running: Processes, running_key: str) -> None:
    answer = post(running, running_key, blank(640, 480))
    assert answer.status_code == 422
    assert answer.json() == {
        "success": False,
        "error": {"code": "NO_PLATES_FOUND", "message": "No number plate was found in the image."},
    }
    assert all(name in answer.headers for name in RATE_HEADERS)


def test_a_picture_under_the_least_size_is_400(running: Processes, running_key: str) -> None:
    answer = post(running, running_key, blank(319, 240))
    assert answer.status_code == 400
    assert answer.json()["error"]["code"] == "INVALID_IMAGE"
    assert "319x240" in answer.json()["error"]["message"]
    assert "320x240" in answer.json()["error"]["message"]
