"""The detector in 8-bit integers: about half the time for the same boxes.

Static quantisation by ONNX Runtime: each activation's range is measured on train photos. The first convolution and the
outputs stay in float32: three input channels gain nothing, and distances in eight bits would move boxes.
"""

import random
from pathlib import Path

import cv2
import numpy as np
import onnx
from numpy.typing import NDArray
from onnxruntime.quantization import CalibrationDataReader, QuantFormat, QuantType, quantize_static
from onnxruntime.quantization.shape_inference import quant_pre_process

from training.detector.photos import LONG_SIDE, Photo, load

PHOTOS = 100
KINDS = ["Conv", "Relu", "Add", "Concat", "MaxPool", "Resize"]


class Measured(CalibrationDataReader):
    """Photos as the network gets them, float32 [1, 3, h, w]."""

    def __init__(self, photos: list[Photo]) -> None:
        self.rest = iter(photos)

    def get_next(self) -> dict[str, NDArray[np.float32]] | None:
        photo = next(self.rest, None)
        return None if photo is None else {"image": as_input(photo.image)}


def as_input(image: NDArray[np.uint8], side: int = LONG_SIDE) -> NDArray[np.float32]:
    """uint8 BGR [h, w, 3] to float32 RGB [1, 3, h', w'] in 0..1, long side `side`, padded to multiples of 32."""
    h, w = image.shape[:2]
    scale = side / max(h, w)
    shrunk = cv2.resize(image, (round(w * scale), round(h * scale)), interpolation=cv2.INTER_AREA)
    high, wide = (-(-length // 32) * 32 for length in shrunk.shape[:2])
    padded = np.full((high, wide, 3), 114, np.uint8)
    padded[: shrunk.shape[0], : shrunk.shape[1]] = shrunk
    return padded[..., ::-1].transpose(2, 0, 1)[None].astype(np.float32) / 255


def quantise(path: Path, data: Path) -> None:
    """Replaces the float32 network at `path` by its 8-bit form, measured on train photos of `data`."""
    photos = load(data)
    random.Random(1).shuffle(photos)
    prepared = path.with_suffix(".prepared.onnx")
    quant_pre_process(str(path), str(prepared), skip_symbolic_shape=True)
    kept = [node.name for node in onnx.load(prepared).graph.node if _stays(node)]
    quantize_static(
        prepared, path, Measured(photos[:PHOTOS]), quant_format=QuantFormat.QDQ, op_types_to_quantize=KINDS,
        nodes_to_exclude=kept, per_channel=True, activation_type=QuantType.QUInt8, weight_type=QuantType.QInt8,
    )  # fmt: skip
    prepared.unlink()


def _stays(node: onnx.NodeProto) -> bool:
    """True for the stem, the three outputs and what joins them."""
    if any(
        part in node.name
        for part in ("/stage", "/context/", "/lateral", "/smooth", "/head", "/vehicle_context", "/vehicle_head")
    ):
        return False
    neck = node.op_type in ("MaxPool", "Resize", "Add") or node.name == "/network/Concat"
    return not (neck and node.name.startswith("/network/"))
