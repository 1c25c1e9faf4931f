"""Scores that mean something: a plate of score 0.8 is one 8 times of 10, and so is a vehicle.

The loss teaches the score to rank boxes, not to be a probability; two numbers on its logit make it one.
"""

from collections.abc import Callable
from dataclasses import dataclass

import cv2
import numpy as np
import torch
from numpy.typing import NDArray

from training.detector.network import STRIDES, VEHICLE_STRIDES, PlateDetector, cell_grid
from training.detector.photos import LONG_SIDE, Photo, iou, overlap
from training.logistic import fitted

LEAST_SCORE = 0.02
MATCH_IOU = 0.5

Boxes = NDArray[np.float32]


@dataclass(frozen=True)
class Output:
    """One of the network's outputs: its place, its strides, and what is true or doubtful of it in a photo."""

    place: int
    strides: tuple[int, ...]
    nms_iou: float
    truth: Callable[[Photo], Boxes]
    doubtful: Callable[[Photo], Boxes]


PLATES = Output(0, STRIDES, 0.5, lambda photo: photo.boxes, lambda photo: photo.ignore)
VEHICLES = Output(1, VEHICLE_STRIDES, 0.6, lambda photo: photo.vehicles, lambda photo: photo.doubtful)


def calibration(network: PlateDetector, photos: list[Photo], output: Output) -> tuple[float, float]:
    """Slope and offset for the score logit of one output."""
    logits, right = [], []
    for photo in photos:
        boxes, found = detections(network, photo, output)
        for box, logit in zip(boxes, found, strict=True):
            true = any(iou(box, truth) >= MATCH_IOU for truth in output.truth(photo))
            if not true and any(overlap(list(box), list(other)) > 0.4 for other in output.doubtful(photo)):
                continue
            logits.append(logit)
            right.append(true)
    slope, offset = fitted(np.array(logits)[:, None], np.array(right, float), prior=[1.0, 0.0])
    print(f"{len(logits)} detections, {sum(right)} of them true: slope {slope:.3f}, offset {offset:.3f}", flush=True)
    return slope, offset


def detections(network: PlateDetector, photo: Photo, output: Output = PLATES) -> tuple[Boxes, list[float]]:
    """Boxes [n, 4] in the photo's pixels and their score logits, after non-maximum suppression."""
    h, w = photo.image.shape[:2]
    scale = LONG_SIDE / max(h, w)
    shrunk = cv2.resize(photo.image, (round(w * scale), round(h * scale)), interpolation=cv2.INTER_LINEAR)
    high, wide = (-(-side // 32) * 32 for side in shrunk.shape[:2])
    padded = np.full((high, wide, 3), 114, np.uint8)
    padded[: shrunk.shape[0], : shrunk.shape[1]] = shrunk
    inputs = torch.from_numpy(padded[..., ::-1].transpose(2, 0, 1)[None].astype(np.float32) / 255)
    centres, strides = cell_grid(high, wide, output.strides)
    with torch.no_grad():
        raw = network(inputs)[output.place][0]
    kept = raw[:, 0].sigmoid() > LEAST_SCORE
    raw, at, step = raw[kept], centres[kept], strides[kept, None]
    boxes = (torch.cat([at - raw[:, 1:3] * step, at + raw[:, 3:5] * step], 1) / scale).numpy()
    corner_size = [[float(x1), float(y1), float(x2 - x1), float(y2 - y1)] for x1, y1, x2, y2 in boxes]
    scores = raw[:, 0].sigmoid().tolist()
    chosen = np.array(cv2.dnn.NMSBoxes(corner_size, scores, LEAST_SCORE, output.nms_iou), int).reshape(-1)
    return boxes[chosen], raw[chosen, 0].tolist()
