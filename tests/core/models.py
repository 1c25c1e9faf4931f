"""Tiny networks with known answers, so that the core's own work can be told from what a trained model thinks.

- The marker detector finds pure red: each 8 x 8 cell scores by how red it is, its box is 160 x 64 pixels around it.
- The stripe reader reads ten vertical stripes of grey: each letter is a shade.
- The echo detector gives every input pixel back as a cell, to see what the letterbox made of a picture.
"""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
from onnx import TensorProto, helper, numpy_helper

ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"
PLATE = (160, 64)  # width and height of the marker detector's box, and of the stripe reader's input
COLUMNS = 10
REGIONS = ["aa", "bb", "cc"]
CORNERS = [-10.0, -4.0, 10.0, -4.0, 10.0, 4.0, -10.0, 4.0]

Array = npt.NDArray[Any]


def shade(letter: str) -> int:
    """The grey of a letter's stripe; black is blank."""
    return round((ALPHABET.index(letter) + 1) * 255 / 36)


class Graph:
    """Collects nodes and constants, then becomes a model."""

    def __init__(self) -> None:
        self.nodes: list[onnx.NodeProto] = []
        self.constants: list[onnx.TensorProto] = []

    def constant(self, value: Any, dtype: Any = np.float32) -> str:
        name = f"c{len(self.constants)}"
        self.constants.append(numpy_helper.from_array(np.asarray(value, dtype), name))
        return name

    def ints(self, *values: int) -> str:
        return self.constant(values, np.int64)

    def add(self, kind: str, *inputs: str, out: str | None = None, **attributes: Any) -> str:
        out = out or f"n{len(self.nodes)}"
        self.nodes.append(helper.make_node(kind, inputs, [out], **attributes))
        return out

    def channel(self, source: str, index: int) -> str:
        return self.add("Slice", source, self.ints(index), self.ints(index + 1), self.ints(1))

    def save(
        self,
        path: Path,
        input_shape: list[int | str],
        outputs: dict[str, list[int | str | None]],
        dtype: int = TensorProto.FLOAT,
    ) -> None:
        graph = helper.make_graph(
            self.nodes,
            path.stem,
            [helper.make_tensor_value_info("image", dtype, input_shape)],
            [helper.make_tensor_value_info(name, TensorProto.FLOAT, shape) for name, shape in outputs.items()],
            self.constants,
        )
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
        onnx.checker.check_model(model)
        path.write_bytes(model.SerializeToString())


def redness(graph: Graph) -> str:
    red, green, blue = (graph.channel("image", index) for index in range(3))
    return graph.add("Relu", graph.add("Sub", red, graph.add("Add", green, blue)))


def rows(graph: Graph, score: str, tail: Array) -> str:
    """[n, 1, h, w] scores as [n, h * w, 1 + tail] rows."""
    flat = graph.add("Transpose", graph.add("Reshape", score, graph.ints(0, 1, -1)), perm=[0, 2, 1])
    rest = graph.add("Add", graph.add("Mul", flat, graph.constant(0.0)), graph.constant(tail.reshape(1, 1, -1)))
    return graph.add("Concat", flat, rest, axis=2)


def marker_detector(path: Path, batch: int | str = "n", corners: bool = True, widest: int = 0) -> None:
    """anchor-free-grid with strides 8, 16, 32; only stride 8 ever fires. In inputs wider than `widest` its scores are
    lower by as much.
    """
    graph = Graph()
    red = redness(graph)
    if widest:
        shape = graph.add("Cast", graph.add("Shape", "image", start=3, end=4), to=TensorProto.FLOAT)
        share = graph.add("Min", graph.add("Div", graph.constant([float(widest)]), shape), graph.constant([1.0]))
        red = graph.add("Mul", red, share)
    tail = np.array([10.0, 4.0, 10.0, 4.0] + (CORNERS if corners else []), np.float32)
    parts = []
    for stride in (8, 16, 32):
        score = graph.add("AveragePool", red, kernel_shape=[stride, stride], strides=[stride, stride])
        if stride > 8:
            score = graph.add("Mul", score, graph.constant(0.0))
        parts.append(rows(graph, score, tail))
    graph.add("Concat", *parts, axis=1, out="grid")
    graph.save(path, [batch, 3, "h", "w"], {"grid": [batch, "cells", 1 + len(tail)]})


def end2end_detector(path: Path, boxes: list[list[float]], side: int = 416) -> None:
    """yolo-end2end that always finds `boxes` (x1, y1, x2, y2, score in input pixels), whatever it sees."""
    graph = Graph()
    found = np.array([[0, *box[:4], 0, box[4]] for box in boxes], np.float32).reshape(-1, 7)
    nothing = graph.add("Mul", graph.add("ReduceMean", "image", axes=[0, 1, 2, 3], keepdims=0), graph.constant(0.0))
    graph.add("Add", graph.constant(found), nothing, out="found")
    graph.save(path, [1, 3, side, side], {"found": [None, 7]})


def echo_detector(path: Path, batch: int | str = "n", scale: float = 1.0) -> None:
    """anchor-free-grid with stride 1: a cell a pixel, its score the red sample over 255, its box of green, blue."""
    graph = Graph()
    red, green, blue = (graph.channel("image", index) for index in range(3))
    far = graph.add("Mul", green, graph.constant(scale))
    deep = graph.add("Mul", blue, graph.constant(scale))
    planes = graph.add("Concat", red, far, deep, far, deep, axis=1)
    flat = graph.add("Reshape", planes, graph.ints(0, 5, -1))
    graph.add("Transpose", flat, perm=[0, 2, 1], out="grid")
    graph.save(path, [batch, 3, "h", "w"], {"grid": [batch, "cells", 5]})


def yolox_detector(path: Path, side: int = 64) -> None:
    """yolox-grid of stride 8 and two classes: red cells are class 0, blue ones class 1, boxes 24 x 16 pixels."""
    graph = Graph()
    red, _, blue = (graph.channel("image", index) for index in range(3))
    pool: dict[str, Any] = {"kernel_shape": [8, 8], "strides": [8, 8]}
    classes = graph.add("Concat", graph.add("AveragePool", red, **pool), graph.add("AveragePool", blue, **pool), axis=1)
    flat = graph.add("Transpose", graph.add("Reshape", classes, graph.ints(0, 2, -1)), perm=[0, 2, 1])
    head = np.array([0.5, 0.5, np.log(3.0), np.log(2.0), 1.0], np.float32).reshape(1, 1, 5)
    zero = graph.add("Mul", graph.add("ReduceMax", flat, axes=[2], keepdims=1), graph.constant(0.0))
    graph.add("Concat", graph.add("Add", zero, graph.constant(head)), flat, axis=2, out="grid")
    graph.save(path, ["n", 3, side, side], {"grid": ["n", (side // 8) ** 2, 7]})


def stripes(graph: Graph, plane: str) -> str:
    """[n, 10, 1] means of the middle of each stripe, above the marker. A box may be half a cell off the plate."""
    top = graph.add("Slice", plane, graph.ints(4, 4), graph.ints(20, 160), graph.ints(2, 3))
    shades = graph.add("AveragePool", top, kernel_shape=[16, 8], strides=[16, 16])
    return graph.add("Transpose", graph.add("Reshape", shades, graph.ints(0, 1, -1)), perm=[0, 2, 1])


def stripe_reader(path: Path, blank: int = 0) -> None:
    """ctc: logits by how near a stripe's grey is to each letter's shade; the region's logits are fixed."""
    graph = Graph()
    column = stripes(graph, graph.channel("image", 1))
    levels = [(i + 1) / 36 for i in range(36)]
    levels.insert(blank, 0.0)
    distance = graph.add("Sub", column, graph.constant(np.array(levels).reshape(1, 1, -1)))
    graph.add("Mul", graph.add("Mul", distance, distance), graph.constant(-20000.0), out="text")
    mean = graph.add("ReduceMean", "image", axes=[1, 2, 3], keepdims=0)
    zero = graph.add("Reshape", graph.add("Mul", mean, graph.constant(0.0)), graph.ints(-1, 1))
    graph.add("Add", zero, graph.constant([[0.0, 2.0, 1.0]]), out="region")
    graph.save(path, ["n", 3, PLATE[1], PLATE[0]], {"text": ["n", COLUMNS, 37], "region": ["n", 3]})


def judging_reader(path: Path) -> None:
    """The stripe reader with an opinion on what is a plate: the grey of the last stripe over 255."""
    graph = Graph()
    column = stripes(graph, graph.channel("image", 1))
    levels = [0.0, *((i + 1) / 36 for i in range(36))]
    distance = graph.add("Sub", column, graph.constant(np.array(levels).reshape(1, 1, -1)))
    graph.add("Mul", graph.add("Mul", distance, distance), graph.constant(-20000.0), out="text")
    last = graph.add("Slice", column, graph.ints(COLUMNS - 1), graph.ints(COLUMNS), graph.ints(1))
    graph.add("Reshape", last, graph.ints(-1), out="plate")
    graph.save(path, ["n", 3, PLATE[1], PLATE[0]], {"text": ["n", COLUMNS, 37], "plate": ["n"]})


def slot_reader(path: Path) -> None:
    """slots with u8 NHWC input: as the stripe reader, a black stripe being the padding character."""
    graph = Graph()
    image = graph.add("Cast", "image", to=TensorProto.FLOAT)
    planes = graph.add("Transpose", image, perm=[0, 3, 1, 2])
    column = stripes(graph, graph.channel(planes, 1))
    levels = [255 * (i + 1) / 36 for i in range(36)] + [0.0]
    distance = graph.add("Sub", column, graph.constant(np.array(levels).reshape(1, 1, -1)))
    logits = graph.add("Mul", graph.add("Mul", distance, distance), graph.constant(-0.3))
    graph.add("Softmax", logits, axis=2, out="slots")
    graph.save(path, ["n", PLATE[1], PLATE[0], 3], {"slots": ["n", COLUMNS, 37]}, TensorProto.UINT8)


def sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


DETECTOR_TOML = """\
[plate_detector]
file = "{name}"
sha256 = "{sha256}"
kind = "{kind}"
input = {{ {input}, scale = 0.00392156862745098 }}
output = {output}
{more}
"""

READER_TOML = """\
[plate_reader]
file = "{name}"
sha256 = "{sha256}"
kind = "{kind}"
input = {{ fit = "stretch", width = 160, height = 64, {input} }}
output = {output}
{more}
"""

PACK_TOML = """\
[pack]
name = "tiny"
version = "1.2.3"
licence = "Apache-2.0"
provenance = "drawn by the tests"

"""

DYNAMIC = 'fit = "letterbox-dynamic", max_side = {side}, multiple = 32, placement = "{placement}"'
F32 = "scale = 0.00392156862745098"


def marker_toml(
    pack: Path,
    side: int = 320,
    corners: bool = True,
    placement: str = "centre",
    batch: int | str = "n",
    widest: int = 0,
    more: str = "",
) -> str:
    path = pack / "detector.onnx"
    marker_detector(path, batch, corners, widest)
    return DETECTOR_TOML.format(
        name=path.name,
        sha256=sha256(path),
        kind="anchor-free-grid",
        input=DYNAMIC.format(side=side, placement=placement),
        output=f'{{ name = "grid", strides = [8, 16, 32], corners = {str(corners).lower()} }}',
        more=more,
    )


def echo_toml(pack: Path, input_: str, nms_iou: float = 1.0, batch: int | str = "n", scale: float = 1.0) -> str:
    path = pack / "detector.onnx"
    echo_detector(path, batch, scale)
    return DETECTOR_TOML.format(
        name=path.name,
        sha256=sha256(path),
        kind="anchor-free-grid",
        input=input_,
        output='{ name = "grid", strides = [1] }',
        more=f"nms_iou = {nms_iou}",
    )


def end2end_toml(pack: Path, boxes: list[list[float]], side: int = 416) -> str:
    path = pack / "detector.onnx"
    end2end_detector(path, boxes, side)
    return DETECTOR_TOML.format(
        name=path.name,
        sha256=sha256(path),
        kind="yolo-end2end",
        input=f'fit = "letterbox", width = {side}, height = {side}',
        output='{ name = "found" }',
        more="",
    )


def yolox_toml(pack: Path, side: int = 64) -> str:
    path = pack / "detector.onnx"
    yolox_detector(path, side)
    return DETECTOR_TOML.format(
        name=path.name,
        sha256=sha256(path),
        kind="yolox-grid",
        input=f'fit = "letterbox", width = {side}, height = {side}, placement = "top-left"',
        output='{ name = "grid", strides = [8], classes = 2 }',
        more="",
    )


def stripe_toml(pack: Path, blank: int = 0, more: str = "") -> str:
    path = pack / "reader.onnx"
    stripe_reader(path, blank)
    return READER_TOML.format(
        name=path.name,
        sha256=sha256(path),
        kind="ctc",
        input=F32,
        output=f'{{ name = "text", alphabet = "{ALPHABET}", blank = {blank}, activation = "softmax" }}',
        more=f'region = {{ name = "region", codes = ["aa", "bb", "cc"], activation = "softmax" }}\n{more}',
    )


def judging_toml(pack: Path, judgement: str) -> str:
    path = pack / "reader.onnx"
    judging_reader(path)
    return READER_TOML.format(
        name=path.name,
        sha256=sha256(path),
        kind="ctc",
        input=F32,
        output=f'{{ name = "text", alphabet = "{ALPHABET}", activation = "softmax" }}',
        more=f"plate = {{ {judgement} }}",
    )


def slot_toml(pack: Path) -> str:
    path = pack / "reader.onnx"
    slot_reader(path)
    return READER_TOML.format(
        name=path.name,
        sha256=sha256(path),
        kind="slots",
        input='layout = "nhwc", dtype = "u8"',
        output=f'{{ name = "slots", alphabet = "{ALPHABET}_", pad_char = "_" }}',
        more="",
    )


def write_pack(pack: Path, detector: str, reader: str) -> Path:
    (pack / "manifest.toml").write_text(PACK_TOML + detector + "\n" + reader)
    return pack


def tiny_pack(pack: Path) -> Path:
    """Marker detector with corners and stripe reader."""
    pack.mkdir(parents=True, exist_ok=True)
    return write_pack(pack, marker_toml(pack), stripe_toml(pack))
