"""Pictures that are none, or strange: the right status and a clear error, or a right answer; the worker lives on."""

from __future__ import annotations

import io
import struct
import zlib

import pytest
import requests
from PIL import Image

from tests.service.support import SAMPLE_PLATE, Processes

SNAPSHOT = ("/v1/plate-reader/", "Token")
NPR = ("/api/v1/recognise", "Bearer")


def saved(picture: Image.Image, kind: str, **options: object) -> bytes:
    file = io.BytesIO()
    picture.save(file, kind, **options)
    return file.getvalue()


def huge_png(width: int, height: int) -> bytes:
    """A PNG whose header promises much more than its few bytes hold."""

    def chunk(kind: bytes, content: bytes) -> bytes:
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    rows = zlib.compress(bytes(1000))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")


def send(running: Processes, key: str, face: tuple[str, str], picture: bytes) -> requests.Response:
    path, scheme = face
    return requests.post(
        running.url + path,
        headers={"Authorization": f"{scheme} {key}"},
        files={"upload": ("photo.jpg", picture)},
        timeout=60,
    )


def broken(photo: bytes) -> dict[str, bytes]:
    return {
        "an empty file": b"",
        "text named .jpg": b"this is no picture, whatever its name says\n" * 20,
        "a truncated JPEG": photo[: len(photo) // 3],
        "a JPEG with only its first bytes": b"\xff\xd8\xff\xe0\x00\x10JFIF\x00",
        "a GIF": saved(Image.new("RGB", (640, 480)), "GIF"),
        "an animated WebP": saved(
            Image.new("RGB", (640, 480)),
            "WEBP",
            save_all=True,
            append_images=[Image.new("RGB", (640, 480), (200, 0, 0))],
            duration=100,
        ),
    }


@pytest.mark.parametrize("kind", list(broken(b"")))
def test_what_is_no_picture_is_400_on_both_faces(running: Processes, running_key: str, photo: bytes, kind: str) -> None:
    picture = broken(photo)[kind]
    answer = send(running, running_key, SNAPSHOT, picture)
    if kind == "an animated WebP" and answer.status_code == 201:
        return  # its first frame is a right answer, too
    assert answer.status_code == 400, answer.text
    assert list(answer.json()) == ["upload"]
    assert isinstance(answer.json()["upload"][0], str)
    answer = send(running, running_key, NPR, picture)
    assert answer.status_code == 400, answer.text
    assert answer.json()["success"] is False
    assert answer.json()["error"]["code"] == "INVALID_IMAGE"
    assert answer.json()["error"]["message"]


def test_too_many_pixels_are_413_on_both_faces(running: Processes, running_key: str) -> None:
    picture = huge_png(20_000, 20_000)
    answer = send(running, running_key, SNAPSHOT, picture)
    assert answer.status_code == 413, answer.text
    assert answer.json()["error"].startswith("Invalid file.")
    assert "pixel" in answer.json()["detail"]
    answer = send(running, running_key, NPR, picture)
    assert answer.status_code == 413
    assert answer.json()["error"]["code"] == "IMAGE_TOO_LARGE"


@pytest.mark.parametrize("megabytes", [12, 40])
def test_too_many_bytes_are_413_on_both_faces(
    running: Processes, running_key: str, photo: bytes, megabytes: int
) -> None:
    picture = photo + bytes(megabytes * 1_000_000)
    answer = send(running, running_key, SNAPSHOT, picture)
    assert answer.status_code == 413, answer.text
    assert answer.json()["error"].startswith("Invalid file.")
    assert "10 MB" in answer.json()["detail"]
    answer = send(running, running_key, NPR, picture)
    assert answer.status_code == 413
    assert answer.json()["error"]["code"] == "IMAGE_TOO_LARGE"
    assert "10 MB" in answer.json()["error"]["message"]


def strange(photo: bytes) -> dict[str, bytes]:
    picture = Image.open(io.BytesIO(photo)).convert("RGB")
    turned = picture.rotate(90, expand=True)
    exif = Image.Exif()
    exif[0x0112] = 6  # to be shown turned by 90 degrees clockwise
    return {
        "a CMYK JPEG": saved(picture.convert("CMYK"), "JPEG", quality=92),
        "a grey JPEG": saved(picture.convert("L"), "JPEG", quality=92),
        "a progressive JPEG": saved(picture, "JPEG", quality=92, progressive=True),
        "a palette PNG": saved(picture.quantize(256), "PNG"),
        "a PNG with alpha": saved(picture.convert("RGBA"), "PNG"),
        "a 16-bit PNG": saved(picture.convert("L").convert("I;16").point(lambda value: value * 257), "PNG"),
        "a WebP": saved(picture, "WEBP", quality=92),
        "a turned JPEG": saved(turned, "JPEG", quality=92, exif=exif.tobytes()),
    }


@pytest.mark.parametrize(
    "kind",
    [
        "a CMYK JPEG",
        "a grey JPEG",
        "a progressive JPEG",
        "a palette PNG",
        "a PNG with alpha",
        "a 16-bit PNG",
        "a WebP",
        "a turned JPEG",
    ],
)
def test_strange_pictures_are_read(running: Processes, running_key: str, photo: bytes, kind: str) -> None:
    answer = send(running, running_key, SNAPSHOT, strange(photo)[kind])
    assert answer.status_code == 201, answer.text
    assert [result["plate"] for result in answer.json()["results"]] == [SAMPLE_PLATE]
    assert (answer.json()["image_width"], answer.json()["image_height"]) == (1280, 720)


def test_one_pixel_is_refused_or_has_no_plates(running: Processes, running_key: str) -> None:
    picture = saved(Image.new("RGB", (1, 1)), "PNG")
    answer = send(running, running_key, SNAPSHOT, picture)
    assert (answer.status_code, answer.json().get("results")) == (201, []) or (
        answer.status_code == 400 and list(answer.json()) == ["upload"]
    )
    answer = send(running, running_key, NPR, picture)
    assert answer.status_code == 400
    assert answer.json()["error"]["code"] == "INVALID_IMAGE"


def test_the_worker_lives_on(running: Processes, running_key: str, photo: bytes) -> None:
    """Stands last: all of the above went through one worker."""
    answer = send(running, running_key, SNAPSHOT, photo)
    assert answer.json()["results"][0]["plate"] == SAMPLE_PLATE
    assert running.alive() == {"web": True, "worker": True, "webhooks": True}
