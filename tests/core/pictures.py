"""Pictures that the tiny networks understand, and their encodings."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image

from tests.core.models import COLUMNS, PLATE, shade

Pixels = npt.NDArray[np.uint8]
STRIPE = PLATE[0] // COLUMNS


def plate(text: str) -> Pixels:
    """A plate of the stripe reader, 64 x 160 RGB, with the red marker in its middle."""
    pixels = np.zeros((PLATE[1], PLATE[0], 3), np.uint8)
    for at, letter in enumerate(text):
        pixels[:, at * STRIPE : (at + 1) * STRIPE] = shade(letter)
    y, x = PLATE[1] // 2, PLATE[0] // 2
    pixels[y - 8 : y + 8, x - 8 : x + 8] = (255, 0, 0)
    return pixels


def scene(plates: dict[tuple[int, int], str], width: int = 320, height: int = 256) -> Pixels:
    """A dark picture with plates at the given top left corners (x, y)."""
    pixels = np.full((height, width, 3), 40, np.uint8)
    for (x, y), text in plates.items():
        pixels[y : y + PLATE[1], x : x + PLATE[0]] = plate(text)
    return pixels


def encoded(pixels: npt.NDArray[Any], kind: str = "PNG", **options: Any) -> bytes:
    out = io.BytesIO()
    Image.fromarray(pixels).save(out, kind, **options)
    return out.getvalue()


def noise(width: int, height: int, seed: int = 0) -> Pixels:
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), np.uint8)
