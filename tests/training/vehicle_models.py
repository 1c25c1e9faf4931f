"""Tiny vehicle networks with known answers: the mean colour of a cut decides all.

A red cut is a Sedan, red, seen from the front, an Acura RL; a green one an SUV, green, from the rear, an Audi A4; a
blue one a Van, blue, neither, an Audi TT. The make-model network's types are even, so that they halve what is sure.
"""

from __future__ import annotations

from pathlib import Path

from onnx import TensorProto

from tests.core.models import Graph, sha256

TYPES = ["Sedan", "SUV", "Van"]
COLOURS = ["red", "green", "blue"]
MODELS = [["Acura", "RL", "2012"], ["Audi", "A4", "2008"], ["Audi", "TT", ""]]
SIDE = 16

PACK = """\
[pack]
name = "tiny"
version = "1.2.3"
licence = "Apache-2.0"
provenance = "drawn by the tests"
"""

INPUT = """\
file = "{file}"
sha256 = "{sha256}"
kind = "classes"
input = {{ fit = "stretch", width = {side}, height = {side}, {pixels} }}
crop = {{ margin_x = {margin}, margin_y = {margin} }}
"""

U8 = 'dtype = "u8", resample = "antialias"'
F32 = 'dtype = "f32", scale = 0.00392156862745098'


def means(graph: Graph, dtype: int) -> str:
    """[n, 3] mean red, green and blue, 0 to 1."""
    image = graph.add("Cast", "image", to=TensorProto.FLOAT)
    scale = graph.constant(1 / 255 if dtype == TensorProto.UINT8 else 1.0)
    return graph.add("Mul", graph.add("ReduceMean", image, axes=[2, 3], keepdims=0), scale)


def head(graph: Graph, source: str, weights: list[list[float]], out: str) -> None:
    graph.add("Softmax", graph.add("MatMul", source, graph.constant(weights)), axis=1, out=out)


def save(graph: Graph, path: Path, outputs: dict[str, int], dtype: int) -> None:
    graph.save(path, ["n", 3, SIDE, SIDE], {name: ["n", classes] for name, classes in outputs.items()}, dtype)


def diagonal(strength: float) -> list[list[float]]:
    return [[strength if i == j else 0.0 for j in range(3)] for i in range(3)]


def attributes(folder: Path, *, margin: float = 0.0, pixels: str = U8, types_least: float = 0.4) -> str:
    """Writes the network and returns its table of the manifest."""
    path, graph = folder / "attributes.onnx", Graph()
    dtype = TensorProto.UINT8 if pixels == U8 else TensorProto.FLOAT
    mean = means(graph, dtype)
    head(graph, mean, diagonal(8.0), "type")
    head(graph, mean, diagonal(4.0), "colour")
    head(graph, mean, [[6.0, 0.0], [0.0, 6.0], [0.0, 0.0]], "orientation")
    save(graph, path, {"type": 3, "colour": 3, "orientation": 2}, dtype)
    lines = ["[vehicle_attributes]", INPUT.format(**described(path, margin, pixels))]
    for name, classes, least in (
        ("type", TYPES, types_least),
        ("colour", COLOURS, 0.3),
        ("orientation", ["Front", "Rear"], 0.6),
    ):
        lines.append(f'{name} = {{ name = "{name}", classes = {classes}, least = {least} }}'.replace("'", '"'))
    return "\n".join(lines) + "\n"


def make_model(folder: Path) -> Path:
    """A pack of its own."""
    folder.mkdir(parents=True, exist_ok=True)
    path, graph = folder / "make_model.onnx", Graph()
    mean = means(graph, TensorProto.UINT8)
    head(graph, mean, diagonal(8.0), "model")
    head(graph, mean, diagonal(0.0), "type")
    save(graph, path, {"model": 3, "type": 3}, TensorProto.UINT8)
    lines = [PACK, "[make_model]", INPUT.format(**described(path, 0.0, U8))]
    lines.append(f'model = {{ name = "model", classes = {MODELS}, least = 0.2 }}'.replace("'", '"'))
    lines.append(f'type = {{ name = "type", classes = {TYPES}, least = 0.4 }}'.replace("'", '"'))
    (folder / "manifest.toml").write_text("\n".join(lines) + "\n")
    return folder


def described(path: Path, margin: float, pixels: str) -> dict[str, object]:
    return {"file": path.name, "sha256": sha256(path), "side": SIDE, "margin": margin, "pixels": pixels}


def attributes_pack(folder: Path, **how: object) -> Path:
    """A pack with vehicle attributes alone: enough for vehicles as given."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "manifest.toml").write_text(PACK + attributes(folder, **how))  # type: ignore[arg-type]
    return folder
