"""Training pictures of vehicles: cuts moved, turned, mirrored and worn."""

import cv2
import numpy as np
from numpy.typing import NDArray

from training.vehicle.crops import Crop

GREY = 0.06  # share of grey pictures, as infra-red cameras give them: they have no colour to tell


def view(crop: Crop, side: int, rng: np.random.Generator) -> tuple[NDArray[np.uint8], bool]:
    """uint8 BGR [side, side, 3], and whether it is grey. The box fills it, up to the looseness of a detector's box."""
    x1, y1, x2, y2 = crop.box
    w, h = x2 - x1, y2 - y1
    x1, x2 = x1 + w * rng.normal(0, 0.04), x2 + w * rng.normal(0, 0.04)
    y1, y2 = y1 + h * rng.normal(0, 0.04), y2 + h * rng.normal(0, 0.04)
    if rng.random() < 0.5:
        x1, x2 = x2, x1
    angle = np.deg2rad(rng.normal(0, 3))
    shear = rng.normal(0, 0.04)
    matrix = np.array([[side / (x2 - x1), 0], [0, side / (y2 - y1)]])
    turn = np.array([[np.cos(angle), -np.sin(angle) + shear], [np.sin(angle), np.cos(angle)]])
    linear = turn @ matrix
    middle = np.array([(x1 + x2) / 2, (y1 + y2) / 2])
    offset = side / 2 - linear @ middle
    image = crop.image
    shrink = max(abs(x2 - x1), abs(y2 - y1)) / side
    if shrink > 1.6:
        image = cv2.resize(image, None, fx=1.2 / shrink, fy=1.2 / shrink, interpolation=cv2.INTER_AREA)
        linear = linear @ np.diag([crop.image.shape[1] / image.shape[1], crop.image.shape[0] / image.shape[0]])
    warp = np.concatenate([linear, offset[:, None]], 1)
    out = cv2.warpAffine(image, warp, (side, side), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    return _worn(out, rng)


def _worn(out: NDArray[np.uint8], rng: np.random.Generator) -> tuple[NDArray[np.uint8], bool]:
    if rng.random() < 0.7:
        gamma, gain = np.exp(rng.normal(0, 0.2)), np.exp(rng.normal(0, 0.12))
        curve = 255 * (np.arange(256) / 255) ** gamma * gain + rng.normal(0, 8)
        out = cv2.LUT(out, curve.clip(0, 255).astype(np.uint8))
    if rng.random() < 0.4:
        # White balance, little enough to leave the paint its name.
        out = np.clip(out * np.exp(rng.normal(0, 0.04, 3)), 0, 255).astype(np.uint8)
    if rng.random() < 0.3:
        small = int(out.shape[0] * rng.uniform(0.3, 0.8))
        out = cv2.resize(cv2.resize(out, (small, small), interpolation=cv2.INTER_AREA), out.shape[:2])
    if rng.random() < 0.3:
        length = int(out.shape[0] * rng.uniform(0.15, 0.4))
        x, y = rng.integers(0, out.shape[0] - length, 2)
        out[y : y + length, x : x + length] = rng.integers(0, 256)
    grey = bool(rng.random() < GREY)
    if grey:
        out = cv2.cvtColor(cv2.cvtColor(out, cv2.COLOR_BGR2GRAY), cv2.COLOR_GRAY2BGR)
    return out, grey
