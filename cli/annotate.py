"""Draws readings into their photo."""

import io
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from PIL import Image, ImageDraw, ImageFont, ImageOps, UnidentifiedImageError

from cli.results import as_version_1, vehicle_words

FORMATS = {"JPEG": {"quality": 92}, "PNG": {}, "WEBP": {"quality": 92}}
PLATE_COLOUR = (255, 214, 0)
VEHICLE_COLOUR = (0, 190, 255)
LABEL_COLOUR = (0, 0, 0)


class Undrawable(ValueError):
    """A photo that cannot be drawn into, though its plates could be read; the message says why."""


def annotate(photo: bytes, results: Sequence[Mapping[str, Any]], target: Path) -> None:
    """Write the photo, upright, with a box and a text for each plate and vehicle of its Snapshot `results` to `target`.

    The file's format is the photo's own. Raises Undrawable for a photo that Pillow does not take, and OSError when
    `target` cannot be written.
    """
    kind, picture = _decode(photo)
    pen = ImageDraw.Draw(picture)
    line = max(2, round(max(picture.size) / 400))
    font = ImageFont.load_default(size=max(14, round(picture.height / 36)))
    same = [as_version_1(result) for result in results]
    for result in same:
        vehicle = result["vehicle"]
        if vehicle["score"]:
            box = _corners(vehicle["box"])
            pen.rectangle(box, outline=VEHICLE_COLOUR, width=line)
            if words := vehicle_words(result):
                _write_label(pen, picture.size, box, words, font, VEHICLE_COLOUR)
    # Plates last: no vehicle's label lies over the text of one.
    for result in same:
        if "plate" in result:
            box = _corners(result["box"])
            pen.rectangle(box, outline=PLATE_COLOUR, width=line)
            text = f"{result['plate'].upper()} {result['score']:.2f}"
            _write_label(pen, picture.size, box, text, font, PLATE_COLOUR)
    target.parent.mkdir(parents=True, exist_ok=True)
    picture.save(target, format=kind, **FORMATS[kind])


def _decode(photo: bytes) -> tuple[str, Image.Image]:
    """The photo's format, one of FORMATS, and its upright picture in RGB. Raises Undrawable."""
    try:
        with Image.open(io.BytesIO(photo)) as opened:
            kind = opened.format if opened.format in FORMATS else "PNG"
            return str(kind), ImageOps.exif_transpose(opened).convert("RGB")
    except UnidentifiedImageError:
        raise Undrawable("Pillow, which draws, does not take this file") from None
    except Exception as error:  # Pillow raises OSError, ValueError, SyntaxError, struct.error… for a broken file
        raise Undrawable(str(error) or type(error).__name__) from error


def _write_label(
    pen: ImageDraw.ImageDraw,
    size: tuple[int, int],
    box: tuple[int, int, int, int],
    text: str,
    font: ImageFont.FreeTypeFont | ImageFont.ImageFont,
    colour: tuple[int, int, int],
) -> None:
    """Put `text` above a box, or below it where there is no room above; always inside the picture."""
    left, top, right, bottom = pen.textbbox((0, 0), text, font=font)
    edge = round((bottom - top) / 4)
    width, height = round(right - left) + 2 * edge, round(bottom - top) + 2 * edge
    x = max(0, min(box[0], size[0] - width))
    y = box[1] - height if box[1] >= height else min(box[3], size[1] - height)
    pen.rectangle((x, y, x + width, y + height), fill=colour)
    pen.text((x + edge - left, y + edge - top), text, font=font, fill=LABEL_COLOUR)


def _corners(box: Mapping[str, int]) -> tuple[int, int, int, int]:
    return box["xmin"], box["ymin"], box["xmax"], box["ymax"]
