"""How sharp a plate's picture is: one number that neither the plate's size nor its contrast changes.

The variance of the Laplacian tells blur (J. Pech-Pacheco et al., "Diatom autofocusing in brightfield microscopy",
2000), but grows with contrast and with distance from the camera. So the plate is brought to grey and to 128 pixels of
width first, about what a reader sees, and the variance is divided by that of the grey levels themselves. A plate under
128 pixels is enlarged and so counts as blurred, as it is to a reader.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from itertools import groupby
from pathlib import Path

import numpy as np
from PIL import Image

from training.evaluate.labels import FolderError, Label

WIDTH = 128
# From this on a plate counts as sharp. Of 220 plates at least 96 pixels wide that were looked at in this order, nearly
# all from here on have crisp edges; under 0.3 strokes run into each other.
SHARP = 0.5


def sharpness(plate: Image.Image) -> float:
    """Variance of the Laplacian over the variance of the grey levels, at 128 pixels of width; 0 for an even grey."""
    high = max(8, round(WIDTH * plate.height / plate.width))
    grey = np.asarray(plate.convert("L").resize((WIDTH, high), Image.Resampling.BICUBIC), np.float64)
    centre = grey[1:-1, 1:-1]
    laplacian = grey[:-2, 1:-1] + grey[2:, 1:-1] + grey[1:-1, :-2] + grey[1:-1, 2:] - 4 * centre
    spread = float(centre.var())
    return float(laplacian.var()) / spread if spread > 1.0 else 0.0


def measured(folder: Path, labels: Iterable[Label]) -> list[Label]:
    """The labels with their sharpness. Raises FolderError for a file that is no picture."""
    found: list[Label] = []
    for file, group in groupby(labels, key=lambda label: label.file):
        picture = opened(folder / file)
        found += [replace(label, sharpness=sharpness(cut(picture, label))) for label in group]
    return found


def opened(path: Path) -> Image.Image:
    """The picture as RGB. Raises FolderError."""
    try:
        with Image.open(path) as picture:
            return picture.convert("RGB")
    except OSError as error:
        raise FolderError(f"{path} cannot be read as a picture: {error}.") from error


def cut(picture: Image.Image, label: Label) -> Image.Image:
    """The plate alone: the label's box, or the whole picture of a crop."""
    if label.box is None:
        return picture
    x1, y1, x2, y2 = (round(side) for side in label.box)
    x1, y1 = min(max(0, x1), picture.width - 1), min(max(0, y1), picture.height - 1)
    return picture.crop((x1, y1, min(max(x2, x1 + 1), picture.width), min(max(y2, y1 + 1), picture.height)))
