"""`python -m training.evaluate --only vehicles` by the whole pipeline, on drawn streets and tiny networks."""

import csv
import json
from pathlib import Path

import pytest
from PIL import Image

import core_rs
from tests.core import vehicle_models
from tests.core.pictures import scene
from training.evaluate.labels import FolderError
from training.evaluate.main import main
from training.evaluate.runner import start
from training.evaluate.vehicles.stages import Network

# A vehicle's box is 256 x 192 pixels around its blue mark; its plate lies under the mark.
CARS = {"near": (168, 120), "far": (472, 376)}
BOXES = {"near": (40, 24, 296, 216), "far": (344, 280, 600, 472)}
PLATES = {"near": (88, 136), "far": (392, 392)}
COLUMNS = ["image", "split", "x1", "y1", "x2", "y2", "type", "colour", "orientation", "make", "model", "year"]


def street(path: Path, cars: list[str], plates: dict[str, str]) -> None:
    pixels = scene({PLATES[name]: text for name, text in plates.items()}, width=640, height=512)
    for x, y in (CARS[name] for name in cars):
        pixels[y - 8 : y + 8, x - 8 : x + 8] = (0, 0, 255)
    Image.fromarray(pixels).save(path)


def table(path: Path, columns: list[str], rows: list[list[object]]) -> None:
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(columns)
        writer.writerows(rows)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A scene with two vehicles, one of them with a plate, and a label on nothing; a picture of one vehicle, and of
    none."""
    data = tmp_path / "data"
    data.mkdir()
    street(data / "scene.png", ["near", "far"], {"near": "AB1"})
    street(data / "one.png", ["far"], {})
    street(data / "none.png", [], {})
    rest = ["", "", "", "", "", ""]
    table(
        data / "vehicles.csv",
        [*COLUMNS, "source", "licence_class"],
        [
            ["scene.png", "val", *BOXES["near"], "sedan", *rest[1:], "streets", "permissive"],
            ["scene.png", "val", 0, 300, 200, 500, "vehicle", *rest[1:], "streets", "permissive"],
            ["one.png", "val", "", "", "", "", "van", "", "", "Audi", "S4", "2012", "pictures", "permissive"],
            ["none.png", "val", "", "", "", "", "sedan", *rest[1:], "pictures", "permissive"],
        ],
    )
    x, y = PLATES["near"]
    table(
        data / "photos.csv",
        ["photo", "split", "x1", "y1", "x2", "y2", "text", "country", "source"],
        [["scene.png", "val", x, y, x + 160, y + 64, "AB1", "", "streets"]],
    )
    return data


def test_the_whole_pipeline(folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pack = vehicle_models.vehicle_pack(tmp_path / "pack")
    makes = vehicle_models.make_model_pack(tmp_path / "makes")
    given = [str(pack), "--only", "vehicles", "--make-model", str(makes), "--data", str(folder)]
    main([*given, "--out", str(tmp_path / "sheets"), "--json"])
    ways = json.loads(capsys.readouterr().out)["vehicles"]["ways"]
    assert list(ways) == [
        "as given, without make-model",
        "whole pipeline, without make-model",
        "as given, with make-model",
        "whole pipeline, with make-model",
    ]
    alone, both = (ways[f"whole pipeline, {name} make-model"] for name in ("without", "with"))
    boxes = alone["boxes"]
    assert (boxes["plates"]["n"], boxes["plates"]["right"]) == (1, 1.0)
    assert (boxes["scenes"]["n"], boxes["scenes"]["right"]) == (2, 0.5)
    assert (boxes["tied"]["n"], boxes["tied"]["right"]) == (1, 1.0)
    assert boxes["others"] == 1.0  # the far vehicle, which nobody labelled
    assert boxes["sources"]["pictures"]["pictures"]["right"] == 0.5
    types = alone["properties"]["type"]["confusions"]
    assert types == {"Sedan": {"(no vehicle)": 1, "Sedan": 1}, "Van": {"Sedan": 1}}
    assert "make" not in alone["properties"]
    assert both["properties"]["make"]["groups"]["all"]["right"] == 1.0
    assert both["properties"]["make and model, top 3"]["groups"]["all"]["right"] == 1.0
    cost = both["cost"]
    assert (cost["photos"], cost["vehicles"]) == (1, 2)
    assert cost["vehicle"] > 0
    assert "make_model" in cost["stages"]["mmc"]
    assert (tmp_path / "sheets/missed-vehicles.png").exists()
    assert (tmp_path / "sheets/other-vehicles.png").exists()
    main([*given, "--out", str(tmp_path / "sheets"), "--option", "max_plates=3"])
    text = capsys.readouterr().out
    assert "| the plate's vehicle, IoU 0.5, in whole photos | 0.950 | 1 | 1.000 |" in text
    assert "max_plates=3" in text
    assert "Of 1 labels of make and model 1.000 are among its classes." in text
    assert "### whole pipeline, with make-model: time" in text


def test_both_ways_tell_the_same_of_the_same_box(folder: Path, tmp_path: Path) -> None:
    """What is repeated here of the core's cut is the core's cut."""
    start()
    pack = vehicle_models.vehicle_pack(tmp_path / "pack")
    options = core_rs.Options(mmc=True, detection_mode="vehicle")
    [answer] = core_rs.Engine(pack).recognise([(folder / "scene.png").read_bytes()], [options])
    network = Network(pack, "vehicle_attributes", ["type", "colour", "orientation"])
    picture = Image.open(folder / "scene.png").convert("RGB")
    assert len(answer.vehicles) == 2
    for vehicle in answer.vehicles:
        shares = network([(picture, vehicle.box)])
        # The scene is grey: the core is sure of no colour, and says how unsure it is.
        [(name, unsure)] = vehicle.colours
        assert name == "unknown"
        assert unsure == pytest.approx(1 - shares["colour"][0].max(), abs=0.01)
        assert vehicle.type_score == pytest.approx(shares["type"][0].max(), abs=0.01)


def test_a_pack_that_is_none_is_told(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(SystemExit, match=r"manifest\.toml"):
        main([str(tmp_path / "nothing"), "--only", "vehicles", "--data", str(folder)])
    with pytest.raises(FolderError):
        Network(tmp_path, "vehicle_attributes", ["type"])
