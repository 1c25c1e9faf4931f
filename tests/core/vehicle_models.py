"""Tiny networks with known answers about vehicles.

- The blue detector is the marker detector with a second output: each 16 x 16 cell is a vehicle by how blue it is.
- The mean classifier tells by the mean colour of a vehicle's cut: its colour, Van by its green, Rear by its blue.
- The fixed classifier thinks of the same makes and models, whatever it sees.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from tests.core.models import (
    CORNERS,
    DYNAMIC,
    Graph,
    marker_toml,
    redness,
    rows,
    sha256,
    stripe_toml,
    write_pack,
)

CAR = (256, 192)  # width and height of a vehicle's box, in pixels of the network's input
SMALL_CAR = (48, 48)
TYPES = ["Sedan", "Van"]
COLOURS = ["red", "green", "blue"]
SIDES = ["Front", "Rear"]
MODELS = [["Audi", "S4", "2007"], ["Audi", "S4", "2012"], ["BMW", "X5", ""], ["Kia", "", ""]]


def pooled(graph: Graph, plane: str, stride: int, fires: bool = True) -> str:
    score = graph.add("AveragePool", plane, kernel_shape=[stride, stride], strides=[stride, stride])
    return score if fires else graph.add("Mul", score, graph.constant(0.0))


def blueness(graph: Graph) -> str:
    red, green, blue = (graph.channel("image", index) for index in range(3))
    return graph.add("Relu", graph.add("Sub", blue, graph.add("Add", green, red)))


def vehicle_rows(graph: Graph, car: tuple[int, int], out: str) -> None:
    """anchor-free-grid with strides 16, 32; only stride 16 ever fires."""
    blue = blueness(graph)
    half = [car[0] / 32, car[1] / 32] * 2
    cells = [rows(graph, pooled(graph, blue, stride, stride == 16), np.array(half, np.float32)) for stride in (16, 32)]
    graph.add("Concat", *cells, axis=1, out=out)


def blue_detector(path: Path, car: tuple[int, int] = CAR, shrunk: int = 1) -> None:
    """The boxes and corners of its plates are `shrunk` times smaller than the marker detector's."""
    graph = Graph()
    red = redness(graph)
    tail = np.array([10.0, 4.0, 10.0, 4.0, *CORNERS], np.float32) / shrunk
    cells = [rows(graph, pooled(graph, red, stride, stride == 8), tail) for stride in (8, 16, 32)]
    graph.add("Concat", *cells, axis=1, out="grid")
    vehicle_rows(graph, car, "vehicles")
    graph.save(path, ["n", 3, "h", "w"], {"grid": ["n", "cells", 13], "vehicles": ["n", "more", 5]})


def lone_detector(path: Path, car: tuple[int, int] = CAR) -> None:
    """The vehicles of the blue detector alone."""
    graph = Graph()
    vehicle_rows(graph, car, "vehicles")
    graph.save(path, ["n", 3, "h", "w"], {"vehicles": ["n", "cells", 5]})


def two(graph: Graph, share: str, out: str) -> None:
    """[1 - share, share]"""
    graph.add("Concat", graph.add("Sub", graph.constant(1.0), share), share, axis=1, out=out)


def mean_classifier(path: Path) -> None:
    graph = Graph()
    mean = graph.add("ReduceMean", "image", axes=[2, 3], keepdims=0)
    total = graph.add("ReduceSum", mean, graph.ints(1), keepdims=1)
    graph.add("Div", mean, graph.add("Add", total, graph.constant(1e-6)), out="colour")
    two(graph, graph.channel(mean, 1), "type")
    two(graph, graph.channel(mean, 2), "orientation")
    outputs: dict[str, list[int | str | None]] = {"type": ["n", 2], "colour": ["n", 3], "orientation": ["n", 2]}
    graph.save(path, ["n", 3, 32, 32], outputs)


def fixed_classifier(path: Path, chances: list[float], types: list[float]) -> None:
    graph = Graph()
    mean = graph.add("ReduceMean", "image", axes=[1, 2, 3], keepdims=0)
    nothing = graph.add("Reshape", graph.add("Mul", mean, graph.constant(0.0)), graph.ints(-1, 1))
    graph.add("Add", nothing, graph.constant([chances]), out="model")
    graph.add("Add", nothing, graph.constant([types]), out="type")
    graph.save(path, ["n", 3, 32, 32], {"model": ["n", len(chances)], "type": ["n", len(types)]})


VEHICLES_TOML = """
[vehicle_detector]
{network}
kind = "anchor-free-grid"
threshold = 0.35
nms_iou = 0.6
output = {{ name = "vehicles", strides = [16, 32] }}
"""

SHARED = 'output_of = "plate_detector"'

CLASSIFIER_TOML = """
[{stage}]
file = "{name}"
sha256 = "{sha256}"
kind = "classes"
input = {{ fit = "stretch", width = 32, height = 32, scale = 0.00392156862745098, resample = "antialias" }}
crop = {{ margin_x = 0.0, margin_y = 0.0 }}
{properties}
"""


def property_toml(stage: str, name: str, classes: list[Any], least: float, output: str = "") -> str:
    return f'{stage}.{name} = {{ name = "{output or name}", classes = {classes!r}, least = {least} }}'.replace("'", '"')


def classifier_toml(path: Path, stage: str, *properties: tuple[str, list[Any], float]) -> str:
    tables = "\n".join(property_toml(stage, *each).removeprefix(f"{stage}.") for each in properties)
    return CLASSIFIER_TOML.format(stage=stage, name=path.name, sha256=sha256(path), properties=tables)


def vehicle_pack(pack: Path, side: int = 640, car: tuple[int, int] = CAR, own: bool = False, shrunk: int = 1) -> Path:
    """The tiny pack with vehicles: of the plates' network, or of one of their own."""
    pack.mkdir(parents=True, exist_ok=True)
    detector = marker_toml(pack, side, placement="top-left")
    network = SHARED
    if own:
        lone_detector(pack / "vehicles.onnx", car)
        fit = DYNAMIC.format(side=side, placement="top-left")
        hashed = sha256(pack / "vehicles.onnx")
        network = f'file = "vehicles.onnx"\nsha256 = "{hashed}"\ninput = {{ {fit}, scale = 0.00392156862745098 }}'
    else:
        before = sha256(pack / "detector.onnx")
        blue_detector(pack / "detector.onnx", car, shrunk)
        detector = detector.replace(before, sha256(pack / "detector.onnx"))
    mean_classifier(pack / "attributes.onnx")
    attributes = classifier_toml(
        pack / "attributes.onnx",
        "vehicle_attributes",
        ("type", TYPES, 0.55),
        ("colour", COLOURS, 0.4),
        ("orientation", SIDES, 0.6),
    )
    return write_pack(pack, detector, stripe_toml(pack) + VEHICLES_TOML.format(network=network) + attributes)


def make_model_pack(
    pack: Path, chances: tuple[float, ...] = (0.2, 0.3, 0.4, 0.1), types: tuple[float, ...] = (1.0, 0.0)
) -> Path:
    pack.mkdir(parents=True, exist_ok=True)
    fixed_classifier(pack / "make_model.onnx", list(chances), list(types))
    stage = classifier_toml(pack / "make_model.onnx", "make_model", ("model", MODELS, 0.35), ("type", TYPES, 0.0))
    return write_pack(pack, "", stage)
