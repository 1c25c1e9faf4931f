"""Scores that mean something: a detection of score 0.8 is a plate 8 times of 10.

The loss teaches the score to rank boxes, not to be a probability; two numbers on its logit make it one.
"""

from pathlib import Path

import cv2
import numpy as np
import torch
from numpy.typing import NDArray

from training.detector.network import PlateDetector, cell_grid
from training.detector.photos import LONG_SIDE, Photo, load, overlap
from training.logistic import fitted

LEAST_SCORE, NMS_IOU = 0.02, 0.5
MATCH_IOU = 0.5


def calibration(network: PlateDetector, data: Path, every: int = 20) -> tuple[float, float]:
    """Slope and offset for the network's score logit, fitted on each `every`-th train photo."""
    logits, right = [], []
    for photo in load(data, every):
        boxes, found = detections(network, photo)
        for box, logit in zip(boxes, found, strict=True):
            if any(overlap(list(box), list(other)) > 0.4 for other in photo.ignore):
                continue
            logits.append(logit)
            right.append(any(iou(box, truth) >= MATCH_IOU for truth in photo.boxes))
    slope, offset = fitted(np.array(logits)[:, None], np.array(right, float), prior=[1.0, 0.0])
    print(f"{len(logits)} detections, {sum(right)} of them plates: slope {slope:.3f}, offset {offset:.3f}", flush=True)
    return slope, offset


def detections(network: PlateDetector, photo: Photo) -> tuple[NDArray[np.float32], list[float]]:
    """Boxes [n, 4] in the photo's pixels and their score logits, after non-maximum suppression."""
    h, w = photo.image.shape[:2]
    scale = LONG_SIDE / max(h, w)
    shrunk = cv2.resize(photo.image, (round(w * scale), round(h * scale)), interpolation=cv2.INTER_LINEAR)
    high, wide = (-(-side // 32) * 32 for side in shrunk.shape[:2])
    padded = np.full((high, wide, 3), 114, np.uint8)
    padded[: shrunk.shape[0], : shrunk.shape[1]] = shrunk
    inputs = torch.from_numpy(padded[..., ::-1].transpose(2, 0, 1)[None].astype(np.float32) / 255)
    centres, strides = cell_grid(high, wide)
    with torch.no_grad():
        raw = network(inputs)[0]
    kept = raw[:, 0].sigmoid() > LEAST_SCORE
    raw, at, step = raw[kept], centres[kept], strides[kept, None]
    boxes = (torch.cat([at - raw[:, 1:3] * step, at + raw[:, 3:5] * step], 1) / scale).numpy()
    corner_size = [[float(x1), float(y1), float(x2 - x1), float(y2 - y1)] for x1, y1, x2, y2 in boxes]
    scores = raw[:, 0].sigmoid().tolist()
    chosen = np.array(cv2.dnn.NMSBoxes(corner_size, scores, LEAST_SCORE, NMS_IOU), int).reshape(-1)
    return boxes[chosen], raw[chosen, 0].tolist()


def iou(a: NDArray[np.float32], b: NDArray[np.float32]) -> float:
    w, h = min(a[2], b[2]) - max(a[0], b[0]), min(a[3], b[3]) - max(a[1], b[1])
    if w <= 0 or h <= 0:
        return 0.0
    return float(w * h / ((a[2] - a[0]) * (a[3] - a[1]) + (b[2] - b[0]) * (b[3] - b[1]) - w * h))
