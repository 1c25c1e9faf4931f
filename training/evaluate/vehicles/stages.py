"""A pack's vehicle networks, run on given boxes as its manifest says, without the core.

The core has no way in for vehicles that are already cut out, so this repeats its cut: the box widened by the margins,
kept inside the picture, whole pixels, stretched to the network's input.
"""

from __future__ import annotations

import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil, floor
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import onnxruntime  # type: ignore[import-untyped]
from PIL import Image

from training.evaluate.labels import Box, FolderError

BATCH = 16
Array = npt.NDArray[Any]
Cut = tuple[Image.Image, Box]


@dataclass(frozen=True)
class Head:
    """One output: its classes in their order, and the score from which one is answered."""

    output: str
    classes: list[Any]
    least: float


class Network:
    """A stage of kind `classes`."""

    def __init__(self, folder: Path, stage: str, heads: Sequence[str]) -> None:
        """Raises FolderError where the stage is of another kind or has an input that is not repeated here."""
        table = manifest(folder)[stage]
        self.input: dict[str, Any] = table["input"]
        self.crop: dict[str, float] = table.get("crop", {})
        self.heads = {
            name: Head(table[name]["name"], table[name]["classes"], float(table[name].get("least", 0.0)))
            for name in heads
            if name in table
        }
        for field, value, known in (
            ("kind", table["kind"], ["classes"]),
            ("input.fit", self.input["fit"], ["stretch"]),
            ("input.colour", self.input.get("colour", "rgb"), ["rgb"]),
            ("input.resample", self.input.get("resample", "linear"), ["linear", "antialias"]),
        ):
            if value not in known:
                raise FolderError(
                    f"{folder / 'manifest.toml'}, {stage}.{field}: {value!r} is not one of {', '.join(known)}, "
                    "which is all that vehicles can be measured with."
                )
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        try:
            self.session = onnxruntime.InferenceSession(
                str(folder / table["file"]), options, providers=["CPUExecutionProvider"]
            )
        except Exception as error:  # the runtime's errors share no class
            raise FolderError(f"{folder / table['file']} cannot be loaded: {error}") from error
        shape = self.session.get_inputs()[0].shape
        self.most = shape[0] if isinstance(shape[0], int) else BATCH

    def __call__(self, cuts: Sequence[Cut]) -> dict[str, Array]:
        """Probabilities of each head, [n, classes], for RGB pictures and boxes in their pixels."""
        parts = []
        outputs = [head.output for head in self.heads.values()]
        for at in range(0, len(cuts), self.most):
            batch = np.stack([self.tensor(*cut) for cut in cuts[at : at + self.most]])
            parts.append(self.session.run(outputs, {self.session.get_inputs()[0].name: batch}))
        return {name: np.concatenate([part[n] for part in parts]) for n, name in enumerate(self.heads)}

    def tensor(self, picture: Image.Image, box: Box) -> Array:
        """The cut as the network takes it: [3, height, width], or with `nhwc` [height, width, 3]."""
        size = (self.input["width"], self.input["height"])
        part = widened(box, self.crop.get("margin_x", 0.0), self.crop.get("margin_y", 0.0), picture.size)
        if self.input.get("resample", "linear") == "antialias":
            cut = picture.resize(size, Image.Resampling.BILINEAR, box=part)
        else:
            cut = picture.transform(size, Image.Transform.EXTENT, part, Image.Resampling.BILINEAR)
        pixels = np.asarray(cut)
        if self.input.get("layout", "nchw") == "nchw":
            pixels = pixels.transpose(2, 0, 1)
        if self.input.get("dtype", "f32") == "u8":
            return pixels
        along = (3, 1, 1) if self.input.get("layout", "nchw") == "nchw" else (3,)
        mean, deviation = (
            np.asarray(self.input.get(key, [fallback] * 3), np.float32).reshape(along)
            for key, fallback in (("mean", 0.0), ("std", 1.0))
        )
        scaled: Array = (pixels.astype(np.float32) * np.float32(self.input.get("scale", 1.0)) - mean) / deviation
        return scaled


def manifest(folder: Path) -> dict[str, Any]:
    """Raises FolderError where it cannot be read."""
    path = folder / "manifest.toml"
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise FolderError(f"{path} cannot be read: {error}.") from error


def widened(box: Box, margin_x: float, margin_y: float, size: tuple[int, int]) -> tuple[int, int, int, int]:
    """The box with margins (shares of its sides, on each side), within the picture, in whole pixels."""
    x1, y1, x2, y2 = box
    dx, dy = margin_x * (x2 - x1), margin_y * (y2 - y1)
    left, top = floor(max(0.0, x1 - dx)), floor(max(0.0, y1 - dy))
    right, bottom = ceil(min(float(size[0]), x2 + dx)), ceil(min(float(size[1]), y2 + dy))
    return left, top, max(right, left + 1), max(bottom, top + 1)
