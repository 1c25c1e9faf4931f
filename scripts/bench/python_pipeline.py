"""The core's work written in Python, to compare its speed with: the way one would build it from Pillow or OpenCV,
numpy and onnxruntime. It knows the kinds that the default pack and the public models use."""

from __future__ import annotations

import io
import time
import tomllib
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import onnxruntime
from PIL import Image, ImageOps

Array = npt.NDArray[Any]
Box = tuple[float, float, float, float]
BEAM, NEGLIGIBLE = 16, 1e-4
THRESHOLD_D, THRESHOLD_O, MAX_PLATES, MAX_CANDIDATES = 0.2, 0.6, 64, 10


class Pillow:
    def decode(self, data: bytes) -> Array:
        return np.asarray(ImageOps.exif_transpose(Image.open(io.BytesIO(data))).convert("RGB"))

    def resize(self, pixels: Array, width: int, height: int, antialias: bool) -> Array:
        picture = Image.fromarray(pixels)
        if antialias:
            return np.asarray(picture.resize((width, height), Image.Resampling.BILINEAR))
        scale = (pixels.shape[1] / width, 0, 0, 0, pixels.shape[0] / height, 0)
        return np.asarray(picture.transform((width, height), Image.Transform.AFFINE, scale, Image.Resampling.BILINEAR))

    def warp(self, pixels: Array, corners: Array, width: int, height: int) -> Array:
        target = [(0, 0), (width, 0), (width, height), (0, height)]
        rows, values = [], []
        for (u, v), (x, y) in zip(target, corners, strict=True):
            rows += [[u, v, 1, 0, 0, 0, -x * u, -x * v], [0, 0, 0, u, v, 1, -y * u, -y * v]]
            values += [x, y]
        matrix = np.linalg.solve(np.array(rows), np.array(values)).tolist()
        picture = Image.fromarray(pixels)
        return np.asarray(
            picture.transform((width, height), Image.Transform.PERSPECTIVE, matrix, Image.Resampling.BILINEAR)
        )


class OpenCv:
    def __init__(self) -> None:
        import cv2

        self.cv2 = cv2
        cv2.setNumThreads(1)

    def decode(self, data: bytes) -> Array:
        # IMREAD_COLOR applies the EXIF orientation.
        found: Any = self.cv2.imdecode(np.frombuffer(data, np.uint8), self.cv2.IMREAD_COLOR)
        upright: Array = self.cv2.cvtColor(found, self.cv2.COLOR_BGR2RGB)
        return upright

    def resize(self, pixels: Array, width: int, height: int, antialias: bool) -> Array:
        way = self.cv2.INTER_AREA if antialias else self.cv2.INTER_LINEAR
        return self.cv2.resize(pixels, (width, height), interpolation=way)

    def warp(self, pixels: Array, corners: Array, width: int, height: int) -> Array:
        target = np.array([(0, 0), (width, 0), (width, height), (0, height)], np.float32)
        matrix = self.cv2.getPerspectiveTransform(corners.astype(np.float32), target)
        return self.cv2.warpPerspective(pixels, matrix, (width, height), borderMode=self.cv2.BORDER_REPLICATE)


class Pipeline:
    """A pack's stages in Python. `library` is "pillow" or "opencv"."""

    def __init__(self, pack: Path, library: str) -> None:
        manifest = tomllib.loads((pack / "manifest.toml").read_text())
        self.detector, self.reader = manifest["plate_detector"], manifest["plate_reader"]
        self.pictures: Pillow | OpenCv = Pillow() if library == "pillow" else OpenCv()
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        self.detect_session = session(pack / self.detector["file"], options)
        self.read_session = session(pack / self.reader["file"], options)

    def recognise(self, data: bytes) -> tuple[list[str], dict[str, float]]:
        """The texts of a picture's plates and the milliseconds of each stage."""
        clock = Clock()
        pixels = self.pictures.decode(data)
        clock.lap("decode")
        tensor, frame = self.letterbox(pixels)
        clock.lap("letterbox")
        [output] = self.detect_session.run([self.detector["output"]["name"]], {self.input(self.detect_session): tensor})
        clock.lap("detect")
        boxes, corners = self.boxes(output, tensor.shape[2:], frame, pixels.shape)
        clock.lap("boxes")
        texts: list[str] = []
        crops = self.rectify(pixels, boxes, corners) if len(boxes) else None
        clock.lap("rectify")
        outputs = None if crops is None else self.read_session.run(None, {self.input(self.read_session): crops})
        clock.lap("read")
        if outputs is not None:
            names = [output.name for output in self.read_session.get_outputs()]
            texts = [
                text
                for text, score in map(self.text, outputs[names.index(self.reader["output"]["name"])])
                if score >= THRESHOLD_O
            ]
        clock.lap("text")
        return texts, clock.ms

    @staticmethod
    def input(session: Any) -> str:
        return str(session.get_inputs()[0].name)

    def letterbox(self, pixels: Array) -> tuple[Array, tuple[float, float, int, int]]:
        spec = self.detector["input"]
        h, w = pixels.shape[:2]
        if spec["fit"] == "letterbox":
            wide, high = spec["width"], spec["height"]
            scale = min(wide / w, high / h)
            nw, nh = round(w * scale), round(h * scale)
        else:
            scale = spec["max_side"] / max(w, h)
            nw, nh = round(w * scale), round(h * scale)
            multiple = spec.get("multiple", 32)
            wide, high = -(-nw // multiple) * multiple, -(-nh // multiple) * multiple
        small = self.pictures.resize(pixels, nw, nh, spec.get("resample") == "antialias")
        centre = spec.get("placement", "centre") == "centre"
        left, top = ((wide - nw) // 2, (high - nh) // 2) if centre else (0, 0)
        canvas = np.full((high, wide, 3), spec.get("pad", 114), np.uint8)
        canvas[top : top + nh, left : left + nw] = small
        return self.tensor(canvas[None], spec), (nw / w, nh / h, left, top)

    @staticmethod
    def tensor(batch: Array, spec: dict[str, Any]) -> Array:
        if spec.get("colour") == "bgr":
            batch = batch[..., ::-1]
        if spec.get("layout", "nchw") == "nchw":
            batch = batch.transpose(0, 3, 1, 2)
        if spec.get("dtype", "f32") == "f32":
            batch = batch.astype(np.float32) * np.float32(spec.get("scale", 1.0))
        return np.ascontiguousarray(batch)

    def boxes(
        self, output: Array, size: tuple[int, ...], frame: tuple[float, float, int, int], shape: tuple[int, ...]
    ) -> tuple[Array, Array | None]:
        corners = None
        if self.detector["kind"] == "yolo-end2end":
            rows = output[output[:, 6] >= THRESHOLD_D]
            boxes, scores = rows[:, 1:5], rows[:, 6]
        else:
            rows, centres, strides = self.cells(output[0], size)
            scores = rows[:, 0]
            boxes = np.concatenate([centres - rows[:, 1:3] * strides, centres + rows[:, 3:5] * strides], axis=1)
            if self.detector["output"].get("corners"):
                corners = centres[:, None] + rows[:, 5:13].reshape(-1, 4, 2) * strides[:, None]
        sx, sy, left, top = frame
        boxes = (boxes - [left, top, left, top]) / [sx, sy, sx, sy]
        boxes = boxes.clip(0, [shape[1], shape[0], shape[1], shape[0]])
        kept = suppress(boxes, scores, self.detector.get("nms_iou", 0.5))
        if corners is not None:
            corners = ((corners - [left, top]) / [sx, sy])[kept]
        return boxes[kept], corners

    def cells(self, grid: Array, size: tuple[int, ...]) -> tuple[Array, Array, Array]:
        """The rows that reach the threshold, their cells' centres and strides."""
        above = np.flatnonzero(grid[:, 0] >= THRESHOLD_D)
        centres, strides = [], []
        for stride in self.detector["output"]["strides"]:
            rows, columns = -(-size[0] // stride), -(-size[1] // stride)
            y, x = np.divmod(np.arange(rows * columns), columns)
            centres.append((np.stack([x, y], axis=1) + 0.5) * stride)
            strides.append(np.full((rows * columns, 1), stride))
        return grid[above], np.concatenate(centres)[above], np.concatenate(strides)[above]

    def rectify(self, pixels: Array, boxes: Array, corners: Array | None) -> Array:
        spec, crop = self.reader["input"], self.reader.get("crop", {})
        mx, my = crop.get("margin_x", 0.0), crop.get("margin_y", 0.0)
        width, height = spec["width"], spec["height"]
        cuts = []
        for n, (x1, y1, x2, y2) in enumerate(boxes):
            if corners is not None:
                cuts.append(self.pictures.warp(pixels, widened(corners[n], mx, my), width, height))
                continue
            dx, dy = (x2 - x1) * mx, (y2 - y1) * my
            left, top = max(int(x1 - dx), 0), max(int(y1 - dy), 0)
            right, bottom = int(np.ceil(x2 + dx)), int(np.ceil(y2 + dy))
            antialias = spec.get("resample") == "antialias"
            cuts.append(self.pictures.resize(pixels[top:bottom, left:right], width, height, antialias))
        return self.tensor(np.stack(cuts), spec)

    def text(self, steps: Array) -> tuple[str, float]:
        """The best text, its score; candidates are made on the way, as the core does."""
        output = self.reader["output"]
        if output.get("activation") == "softmax":
            steps = np.exp(steps - steps.max(axis=1, keepdims=True))
            steps /= steps.sum(axis=1, keepdims=True)
        alphabet = output["alphabet"]
        if self.reader["kind"] == "ctc":
            found = beam_search(steps, output.get("blank", 0), output.get("max_length", 10))
            letters = [c for c in range(len(alphabet) + 1) if c != output.get("blank", 0)]
            spelled = [("".join(alphabet[letters.index(c)] for c in labels), p) for labels, p in found]
        else:
            pad = output["pad_char"]
            spelled = [("".join(alphabet[c] for c in labels).replace(pad, ""), p) for labels, p in best_slots(steps)]
        candidates = [(text, p) for text, p in spelled if text][:MAX_CANDIDATES]
        if not candidates or not spelled[0][0]:
            return "", 0.0
        text, probability = candidates[0]
        return text, probability ** (1 / len(text))


class Clock:
    def __init__(self) -> None:
        self.ms: dict[str, float] = {}
        self._last = time.perf_counter()

    def lap(self, stage: str) -> None:
        now = time.perf_counter()
        self.ms[stage] = (now - self._last) * 1000
        self._last = now


def session(path: Path, options: Any) -> Any:
    return onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])


def widened(corners: Array, mx: float, my: float) -> Array:
    a, b, c, d = corners
    right, down = (b - a + c - d) / 2, (d - a + c - b) / 2
    return np.stack(
        [a - mx * right - my * down, b + mx * right - my * down, c + mx * right + my * down, d - mx * right + my * down]
    )


def suppress(boxes: Array, scores: Array, limit: float) -> list[int]:
    order = np.argsort(-scores, kind="stable")
    areas = (boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1])
    kept: list[int] = []
    while len(order) and len(kept) < MAX_PLATES:
        best, rest = int(order[0]), order[1:]
        kept.append(best)
        low, high = np.maximum(boxes[best, :2], boxes[rest, :2]), np.minimum(boxes[best, 2:], boxes[rest, 2:])
        both = np.prod((high - low).clip(0), axis=1)
        order = rest[both <= limit * (areas[best] + areas[rest] - both)]
    return kept


def beam_search(steps: Array, blank: int, max_length: int) -> list[tuple[tuple[int, ...], float]]:
    beams: list[tuple[tuple[int, ...], tuple[float, float]]] = [((), (1.0, 0.0))]
    for step in steps.tolist():
        likely = [(c, p) for c, p in enumerate(step) if p >= NEGLIGIBLE]
        following: dict[tuple[int, ...], list[float]] = {}
        for prefix, (in_blank, in_letter) in beams:
            for c, p in likely:
                if c == blank:
                    following.setdefault(prefix, [0.0, 0.0])[0] += p * (in_blank + in_letter)
                    continue
                repeats = bool(prefix) and prefix[-1] == c
                if repeats:
                    following.setdefault(prefix, [0.0, 0.0])[1] += p * in_letter
                if len(prefix) < max_length:
                    longer = following.setdefault((*prefix, c), [0.0, 0.0])
                    longer[1] += p * (in_blank if repeats else in_blank + in_letter)
        best = sorted(following.items(), key=lambda entry: -sum(entry[1]))[:BEAM]
        beams = [(prefix, (mass[0], mass[1])) for prefix, mass in best]
    return [(prefix, sum(mass)) for prefix, mass in beams]


def best_slots(slots: Array) -> list[tuple[tuple[int, ...], float]]:
    beams: list[tuple[tuple[int, ...], float]] = [((), 1.0)]
    for slot in slots:
        order = [int(c) for c in np.argsort(-slot) if slot[c] >= NEGLIGIBLE][: 2 * MAX_CANDIDATES]
        longer = [((*labels, c), p * float(slot[c])) for labels, p in beams for c in order]
        beams = sorted(longer, key=lambda entry: -entry[1])[: 2 * MAX_CANDIDATES]
    return beams
