"""Pictures of single plates, for people: cut out of a photo, upright, as small JPEGs."""

from __future__ import annotations

import io
import math
from collections.abc import Iterable

from PIL import Image, ImageOps

from platehost.reading import Box, Corner, Plate

# The worker's own limit, PLATEHOST_MAX_PIXELS, has let the picture pass.
Image.MAX_IMAGE_PIXELS = None

# What Pillow raises for a picture that it cannot read.
PICTURE_ERRORS = (OSError, ValueError, SyntaxError, Image.DecompressionBombError)

_MARGIN = 0.08
_LONGEST_SIDE = 360
_QUALITY = 85


def plate_crops(picture: bytes, plates: Iterable[Plate]) -> list[bytes]:
    """One JPEG per plate, at most 360 pixels wide. Raises one of PICTURE_ERRORS."""
    upright = _upright(picture)
    return [_jpeg(_cut(upright, plate)) for plate in plates]


def smaller(picture: bytes, longest_side: int) -> bytes:
    """The whole picture, upright, as a JPEG with sides of at most `longest_side`. Raises one of PICTURE_ERRORS."""
    upright = _upright(picture)
    upright.thumbnail((longest_side, longest_side))
    return _jpeg(upright)


def _upright(picture: bytes) -> Image.Image:
    with Image.open(io.BytesIO(picture)) as opened:
        return ImageOps.exif_transpose(opened).convert("RGB")


def _cut(picture: Image.Image, plate: Plate) -> Image.Image:
    corners = plate.corners or _corners(plate.box)
    across = max(math.dist(corners[0], corners[1]), math.dist(corners[3], corners[2]), 1.0)
    down = max(math.dist(corners[0], corners[3]), math.dist(corners[1], corners[2]), 1.0)
    # Small plates are made larger: people look at the letters.
    scale = min(_LONGEST_SIDE / across, 4.0)
    size = (max(1, round(across * scale)), max(1, round(down * scale)))
    top_left, top_right, bottom_right, bottom_left = _widened(corners)
    quad = (*top_left, *bottom_left, *bottom_right, *top_right)
    return picture.transform(size, Image.Transform.QUAD, quad, Image.Resampling.BICUBIC)


def _corners(box: Box) -> tuple[Corner, ...]:
    x1, y1, x2, y2 = box
    return (x1, y1), (x2, y1), (x2, y2), (x1, y2)


def _widened(corners: tuple[Corner, ...]) -> list[Corner]:
    x = sum(each[0] for each in corners) / 4
    y = sum(each[1] for each in corners) / 4
    return [(x + (cx - x) * (1 + _MARGIN), y + (cy - y) * (1 + _MARGIN)) for cx, cy in corners]


def _jpeg(picture: Image.Image) -> bytes:
    encoded = io.BytesIO()
    picture.save(encoded, "JPEG", quality=_QUALITY)
    return encoded.getvalue()
