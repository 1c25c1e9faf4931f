"""The picture that goes with a delivery: the original or a crop, upright, with boxes that refer to what is sent."""

from __future__ import annotations

import io
from collections.abc import Iterable
from dataclasses import replace

from PIL import Image, ImageOps

from platehost.reading import Box, Plate, Reading
from platehost.renderings.boxes import whole_pixels

# The worker's own limit, PLATEHOST_MAX_PIXELS, has let the picture pass.
Image.MAX_IMAGE_PIXELS = None

_ORIENTATION = 0x0112  # the EXIF tag
_UPRIGHT = {None, 0, 1}
_TYPES = {"JPEG": "image/jpeg", "PNG": "image/png"}
_QUALITY = 92


def prepare(picture: bytes, reading: Reading, image: str) -> tuple[bytes, str, Reading]:
    """The bytes to send, their media type, and the reading with its boxes in pixels of them.

    `image` is original, vehicle or plate. A crop holds all vehicles (with their plates), or all plates; when there are
    none the original is sent. Vehicles without a plate, which are there only when they were asked for, lie in every
    crop: each result has its place in the picture that is sent. An original that is an upright JPEG or PNG is sent byte
    for byte; anything else becomes a JPEG, because receivers crop with what they get. Raises OSError, ValueError or
    SyntaxError as Pillow does.
    """
    crop = _crop_box(reading, image)
    with Image.open(io.BytesIO(picture)) as opened:
        plain = opened.getexif().get(_ORIENTATION) in _UPRIGHT
        if crop is None and plain and opened.format in _TYPES:
            return picture, _TYPES[opened.format], reading
        upright = ImageOps.exif_transpose(opened)
        if crop is not None:
            upright = upright.crop(crop)
            reading = _moved(reading, crop)
        encoded = io.BytesIO()
        upright.convert("RGB").save(encoded, "JPEG", quality=_QUALITY)
    return encoded.getvalue(), "image/jpeg", reading


def _crop_box(reading: Reading, image: str) -> tuple[int, int, int, int] | None:
    plates = [plate.box for plate in reading.plates]
    bare = [vehicle.box for vehicle in reading.bare_vehicles]
    vehicles = [plate.vehicle.box for plate in reading.plates if plate.vehicle] + bare
    boxes: list[Box] = []
    if image == "plate" and plates:
        boxes = plates + bare
    elif image == "vehicle" and vehicles:
        boxes = vehicles + plates
    if not boxes:
        return None
    return whole_pixels(_around(boxes), reading.width, reading.height)


def _around(boxes: Iterable[Box]) -> Box:
    left, top, right, bottom = zip(*boxes, strict=True)
    return min(left), min(top), max(right), max(bottom)


def _moved(reading: Reading, crop: tuple[int, int, int, int]) -> Reading:
    x, y = crop[:2]
    width, height = crop[2] - x, crop[3] - y

    def moved(box: Box) -> Box:
        # A vehicle reaches beyond the crop of its plate: what is left of it is the whole crop.
        return (
            min(max(box[0] - x, 0), width),
            min(max(box[1] - y, 0), height),
            min(max(box[2] - x, 0), width),
            min(max(box[3] - y, 0), height),
        )

    def plate(each: Plate) -> Plate:
        corners = tuple((cx - x, cy - y) for cx, cy in each.corners) if each.corners else None
        vehicle = replace(each.vehicle, box=moved(each.vehicle.box)) if each.vehicle else None
        return replace(each, box=moved(each.box), corners=corners, vehicle=vehicle)

    return replace(
        reading,
        width=width,
        height=height,
        plates=tuple(plate(each) for each in reading.plates),
        bare_vehicles=tuple(replace(each, box=moved(each.box)) for each in reading.bare_vehicles),
    )
