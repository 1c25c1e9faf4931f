"""`python -m training.evaluate --only vehicles`: its figures on little pictures, counted by hand, and its errors."""

import csv
import json
import math
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.training import vehicle_models
from training.evaluate.labels import FolderError, Label
from training.evaluate.main import main
from training.evaluate.options import overrides
from training.evaluate.vehicles import words
from training.evaluate.vehicles.figures import MISSED, UNKNOWN, properties
from training.evaluate.vehicles.given import given, models
from training.evaluate.vehicles.judge import PROPERTIES, Guess, ModelGuess, Vehicle, covered, main_vehicle
from training.evaluate.vehicles.labels import VehicleLabel, carriers, load_vehicles
from training.evaluate.vehicles.pipeline import Seen, add, tied
from training.evaluate.vehicles.stages import Head, Network, widened

WORDS = ["type", "colour", "orientation", "make", "model", "year"]
COLUMNS = ["image", "split", "x1", "y1", "x2", "y2", *WORDS, "source", "licence_class"]
RED, GREEN, BLUE, GREY = (230, 10, 10), (10, 230, 10), (10, 10, 230), (90, 90, 90)


def label(**words_of):
    told = dict.fromkeys(WORDS, "")
    return VehicleLabel(
        **{"file": "a.png", "box": None, "scene": False, "source": "s", "commercial": True, **told} | words_of
    )


SEDAN = Guess("Sedan", 0.9, True)


def vehicle(box=None, type_=SEDAN, models=None, said=None):
    return Vehicle(
        box,
        0.9,
        type_,
        Guess("red", 0.8, True),
        Guess("Front", 0.7, True),
        models,
        models or () if said is None else said,
    )


def told(name, *pair):
    return next(each for each in PROPERTIES if each.name == name).told(pair)


@pytest.mark.parametrize(
    ("word", "expected"),
    [("coupe", "Sedan"), ("minibus/van", "Van"), ("heavy truck", "Big Truck"), ("SUV", "SUV"), ("car", ""), ("", "")],
)
def test_types_are_the_contracts(word, expected):
    assert words.type_of(word) == expected


def test_other_words():
    assert words.colour_of("Grey") == "silver"
    assert words.colour_of("grey", strict=True) == ""
    assert words.colour_of("white", strict=True) == "white"
    assert words.meets("yellow", words.colour_of("orange"))
    assert words.meets("red", words.colour_of("orange"))
    assert not words.meets("blue", words.colour_of("orange"))
    assert words.make_of("Mercedes-Benz") == words.make_of("MERCEDES") == "mercedesbenz"
    assert words.make_of("FIAT") == words.make_of("Fiat")
    assert words.year_of("2012',") == "2012"
    assert words.year_of("") == ""


def test_an_unknown_is_wrong_and_not_answered():
    pairs = [
        (label(type="coupe"), vehicle()),
        (label(type="van", commercial=False, source="t"), vehicle()),
        (label(type="van"), vehicle(type_=Guess("Van", 0.3, False))),
        (label(type="suv", file="b.png"), None),
        (label(type="car"), vehicle()),
    ]
    found = properties(pairs)["type"]
    rates = found["groups"]["all"]
    assert (rates["n"], rates["right"], rates["answered"]) == (4, 0.25, 0.5)
    assert rates["right_of_answered"] == 0.5
    assert rates["forced"] == 0.5
    assert found["groups"]["noncommercial"]["n"] == 1
    assert found["sources"]["t"]["right"] == 0.0
    assert found["confusions"] == {"SUV": {MISSED: 1}, "Sedan": {"Sedan": 1}, "Van": {"Sedan": 1, UNKNOWN: 1}}
    assert found["reliability"]["n"] == 3
    none, half = (next(step for step in found["steps"] if step["least"] == least) for least in (0.0, 0.5))
    assert (none["answered"], none["right"]) == (pytest.approx(2 / 3), pytest.approx(2 / 3))  # commercial rows alone
    assert (half["answered"], half["right_of_answered"]) == (pytest.approx(1 / 3), 1.0)


def test_makes_and_models():
    ranked = (
        ModelGuess("BMW", "M3", "2012", 0.5),
        ModelGuess("BMW", "M5", "", 0.3),
        ModelGuess("Audi", "A4", "2008", 0.1),
    )
    bmw = label(make="bmw", model="M 5", year="2012'")
    sure = vehicle(models=ranked)
    assert told("make", bmw, sure).right
    assert told("make", bmw, sure).score == pytest.approx(0.8)
    assert told("make and model, top 3", bmw, sure).right
    assert not told("make and model", bmw, sure).right
    assert told("year", bmw, sure).right
    unsure = vehicle(models=ranked, said=())
    third = told("make and model, top 3", label(make="Audi", model="A4"), unsure)
    assert (third.answered, third.right, third.hit) == (False, False, True)
    make_alone = vehicle(models=ranked, said=(ModelGuess("BMW", "", "", 0.8),))
    assert told("make", bmw, make_alone).right
    assert told("make", bmw, make_alone).score == pytest.approx(0.8)
    assert [told(name, bmw, make_alone).answered for name in ("make", "make and model", "year")] == [True, False, False]
    # Whoever chooses a least score wants to know what it would answer.
    assert (told("make and model", bmw, make_alone).best, told("make and model", bmw, make_alone).score) == (
        "bmw m3",
        0.5,
    )
    assert not told("make", bmw, vehicle(models=())).answered
    found = properties([(bmw, sure), (label(make="Kia"), sure)])
    assert found["make"]["groups"]["all"]["n"] == 2
    assert found["make and model"]["groups"]["all"]["n"] == 1
    assert "make" not in properties([(bmw, vehicle())])  # no pack for it


def test_what_the_core_answers_of_makes_and_models():
    """As core_rs/src/classes.rs has it, by the same example."""
    classes = [["Audi", "S4", "2007"], ["Audi", "S4", "2012"], ["Audi", "A5", ""], ["BMW", "Unknown", ""]]

    def said(least, *shares):
        return [
            (each.make, each.model, each.year, round(each.score, 6))
            for each in models(Head("m", classes, least), np.array(shares))[1]
        ]

    years = [("Audi", "S4", "2012", 0.45), ("Audi", "A5", "", 0.3), ("BMW", "", "", 0.25)]
    assert said(0.2, 0.2, 0.25, 0.3, 0.25) == years
    assert said(0.6, 0.2, 0.2, 0.3, 0.3) == [("Audi", "", "", 0.7)]
    assert said(0.8, 0.2, 0.2, 0.3, 0.3) == []


def test_boxes_cover_labels_one_to_one():
    assert covered([(0, 0, 10, 10), (4, 0, 14, 10)], [(3, 0, 13, 10), (0, 0, 10, 9)]) == {0: 1, 1: 0}
    assert covered([(0, 0, 10, 10)], [(0, 0, 10, 4.9)]) == {}


def test_whose_vehicle_is_judged():
    scene = [label(box=(0, 0, 100, 50), scene=True), label(box=(300, 0, 400, 50), scene=True)]
    near, far = vehicle((2, 0, 102, 50)), vehicle((500, 0, 900, 400))
    whole = Seen()
    add(whole, scene, [far, near])
    assert [pair[1] for pair in whole.pairs] == [near, None]
    assert whole.covered == {scene[0]}
    assert whole.others == [("a.png", far)]
    picture = label(file="b.png")
    add(whole, [picture], [near, far])
    assert whole.pairs[-1] == (picture, far)  # the largest
    assert len(whole.others) == 1
    assert main_vehicle([]) is None
    add(whole, [label(file="c.png")], [])
    assert "c.png" not in {each.file for each in whole.shown}


def test_plates_and_their_vehicles():
    """Of a car in front and the narrower one behind, whose box reaches over the plate at its edge."""
    front, behind = label(box=(0, 20, 100, 100), scene=True), label(box=(40, 0, 100, 75), scene=True)
    plates = [
        Label("a.png", (40, 67, 60, 73), 20, "", "", "s"),
        Label("a.png", (65, 45, 75, 50), 10, "", "", "s"),
        Label("a.png", (150, 0, 160, 5), 10, "", "", "s"),
        Label("b.png", (40, 60, 60, 70), 20, "", "", "s"),
    ]
    own = carriers([behind, front], plates)
    assert own == [(plates[0], front), (plates[1], behind)]
    found = [((40, 67, 60, 73), (40.0, 0.0, 100.0, 75.0)), ((65, 45, 75, 50), (41.0, 0.0, 100.0, 75.0))]
    assert tied(own, found) == [False, True]
    assert tied(own, [((40, 67, 60, 73), None)]) == [False]


@pytest.fixture
def folder(tmp_path):
    """Three pictures of one vehicle, each of one colour, and a scene with a red and a blue vehicle."""
    data = tmp_path / "data"
    data.mkdir()
    for name, colour in (("red", RED), ("green", GREEN), ("blue", BLUE)):
        Image.new("RGB", (40, 30), colour).save(data / f"{name}.png")
    scene = Image.new("RGB", (200, 100), GREY)
    scene.paste(RED, (10, 10, 70, 60))
    scene.paste(BLUE, (120, 20, 180, 80))
    scene.save(data / "scene.png")
    rows = [
        ["red.png", "val", "", "", "", "", "coupe", "red", "front", "Acura", "", "", "one", "permissive"],
        ["green.png", "val", 0, 0, 40, 30, "van", "", "", "Audi", "A 4", "2008'", "two", "noncommercial"],
        ["blue.png", "val", 0, 0, 40, 30, "minibus", "grey", "rear", "", "", "", "one", "permissive"],
        ["scene.png", "val", 10, 10, 70, 60, "sedan", "", "", "", "", "", "three", "permissive"],
        ["scene.png", "val", 120, 20, 180, 80, "vehicle", "", "", "", "", "", "three", "permissive"],
        ["gone.png", "train", "", "", "", "", "suv", "", "", "", "", "", "one", "permissive"],
    ]
    write(data, rows)
    return data


def write(folder: Path, rows: list[list[object]], columns: list[str] = COLUMNS) -> None:
    with (folder / "vehicles.csv").open("w", newline="") as file:
        table = csv.writer(file)
        table.writerow(columns)
        table.writerows(rows)


def test_rows_are_scenes_pictures_or_cuts(folder):
    rows = load_vehicles(folder, "val")
    assert [(each.box is None, each.scene) for each in rows] == [
        (True, False),
        (False, False),
        (False, False),
        (False, True),
        (False, True),
    ]
    assert [each.commercial for each in rows] == [True, False, True, True, True]
    assert load_vehicles(folder.parent, "val") == []


@pytest.mark.parametrize(
    ("row", "words_of"),
    [
        (["red.png", "val", 1, "", "", ""], ["line 2", "'x1' to 'y2'", "no number"]),
        (["red.png", "val", 5, 0, 5, 9], ["line 2", "the box is empty"]),
        (["nowhere.png", "val", "", "", "", ""], ["line 2", "'image'", "nowhere.png"]),
    ],
)
def test_a_bad_row_is_named(folder, row, words_of):
    write(folder, [[*row, *[""] * (len(COLUMNS) - len(row))]])
    with pytest.raises(FolderError) as error:
        load_vehicles(folder, "val")
    assert all(word in str(error.value) for word in words_of)


def test_a_table_without_a_column_is_named(folder):
    write(folder, [], [column for column in COLUMNS if column != "colour"])
    with pytest.raises(FolderError, match="no column 'colour'"):
        load_vehicles(folder, "val")


def softmax(*logits: float) -> list[float]:
    total = sum(map(math.exp, logits))
    return [math.exp(each) / total for each in logits]


@pytest.mark.parametrize("pixels", [vehicle_models.U8, vehicle_models.F32])
def test_networks_run_as_the_manifest_says(folder, tmp_path, pixels):
    network = Network(
        vehicle_models.attributes_pack(tmp_path / "pack", pixels=pixels), "vehicle_attributes", ["type", "colour"]
    )
    scene = Image.open(folder / "scene.png").convert("RGB")
    boxes = [(20.0, 20.0, 60.0, 50.0), (130.0, 30.0, 170.0, 70.0)]  # the filter reads a little past a cut's edge
    answers = network([(scene, box) for box in boxes] * 20)  # more than one batch
    assert answers["type"].shape == (40, 3)
    assert answers["type"][-2] == pytest.approx(softmax(*(8 * each / 255 for each in RED)), abs=1e-4)
    assert answers["colour"][-1] == pytest.approx(softmax(*(4 * each / 255 for each in BLUE)), abs=1e-4)


def test_a_cut_is_the_cores(folder, tmp_path):
    """Margins are shares of the box's own sides, kept in the picture, in whole pixels."""
    assert widened((10.0, 10.0, 70.0, 60.0), 0.05, 0.1, (200, 100)) == (7, 5, 73, 65)
    assert widened((1.0, 1.0, 199.5, 99.5), 0.05, 0.05, (200, 100)) == (0, 0, 200, 100)
    network = Network(vehicle_models.attributes_pack(tmp_path / "pack", margin=0.5), "vehicle_attributes", ["type"])
    scene = Image.open(folder / "scene.png").convert("RGB")
    tensor = network.tensor(scene, (10.0, 10.0, 70.0, 60.0))
    assert tensor.dtype == np.uint8
    assert tensor.shape == (3, vehicle_models.SIDE, vehicle_models.SIDE)
    assert tensor[:, 5, 5] == pytest.approx(RED)
    assert tensor[:, 15, 15] == pytest.approx(GREY)


def test_vehicles_as_given(folder, tmp_path):
    pack = vehicle_models.attributes_pack(tmp_path / "pack", types_least=0.7)
    answers = given(folder, load_vehicles(folder, "val"), pack, vehicle_models.make_model(tmp_path / "makes"))
    alone = properties(answers.pairs(make_model=False))
    assert set(alone) == {"type", "colour", "colour, strict", "orientation"}
    types = alone["type"]
    assert types["groups"]["all"]["n"] == 4  # the row that only says vehicle is left out
    assert types["confusions"] == {"Sedan": {"Sedan": 2}, "Van": {"SUV": 1, "Van": 1}}
    assert types["groups"]["commercial"]["right"] == 1.0
    assert alone["colour"]["groups"]["commercial"] == {**alone["colour"]["groups"]["all"]}
    assert alone["colour"]["confusions"] == {"red": {"red": 1}, "silver": {"blue": 1}}
    assert alone["colour, strict"]["groups"]["all"]["n"] == 1
    assert alone["orientation"]["groups"]["all"]["answered"] == 0.5  # blue is neither
    both = properties(answers.pairs(make_model=True))
    assert both["make"]["groups"]["all"]["right"] == 1.0
    assert both["make and model"]["groups"]["noncommercial"]["right"] == 1.0
    assert both["year"]["groups"]["all"]["right"] == 1.0
    # Even types of the second network bring every score under the least one.
    assert both["type"]["groups"]["all"]["answered"] == 0.0
    assert both["type"]["groups"]["all"]["forced"] == 0.75


def test_the_command_without_a_vehicle_detector(folder, tmp_path, capsys):
    pack, out = vehicle_models.attributes_pack(tmp_path / "pack"), tmp_path / "sheets"
    main([str(pack), "--only", "vehicles", "--data", str(folder), "--out", str(out), "--json"])
    figures = json.loads(capsys.readouterr().out)["vehicles"]
    assert list(figures["ways"]) == ["as given, without make-model"]
    assert figures["make_model"] is None
    main([str(pack), "--only", "vehicles", "--data", str(folder), "--out", str(out)])
    text = capsys.readouterr().out
    assert "make, model and year are not available" in text
    assert "| type | without non-commercial sets | 3 | 1.000 |" in text
    for line in text.splitlines():
        if line.startswith("|"):
            assert line.endswith("|")
    with Image.open(out / "wrong-type.png") as sheet:
        assert sheet.width > 200
    assert not (out / "missed-vehicles.png").exists()


@pytest.mark.parametrize(
    ("change", "words_of"),
    [
        (('kind = "classes"', 'kind = "boxes"'), ["vehicle_attributes.kind", "'boxes'"]),
        (('fit = "stretch"', 'fit = "letterbox"'), ["input.fit", "'letterbox'"]),
        (('file = "attributes.onnx"', 'file = "nothing.onnx"'), ["nothing.onnx", "cannot be loaded"]),
    ],
)
def test_a_stage_that_cannot_be_run_is_named(folder, tmp_path, change, words_of):
    pack = vehicle_models.attributes_pack(tmp_path / "pack")
    path = pack / "manifest.toml"
    path.write_text(path.read_text().replace(*change))
    with pytest.raises(SystemExit) as error:
        main([str(pack), "--only", "vehicles", "--data", str(folder)])
    assert all(word in str(error.value) for word in words_of)


@pytest.mark.parametrize(
    ("arguments", "words_of"),
    [
        (["--only", "vehicles", "--split", "test"], "'test'"),
        (["--make-model", "x"], "--only vehicles"),
        (["--only", "vehicles", "--option", "zoom"], "NAME=VALUE"),
        (["--only", "photos", "--option", "mode=fast"], "--mode"),
        (["--only", "photos", "--option", "zooms=1"], "zooms"),
        (["--only", "photos", "--option", "max_plates=many"], "max_plates"),
    ],
)
def test_the_command_fails_in_one_sentence(folder, tmp_path, arguments, words_of):
    photo = "photo,split,x1,y1,x2,y2,text,country,source\nred.png,val,1,1,9,9,A1,,s\n"
    (folder / "photos.csv").write_text(photo)
    with pytest.raises(SystemExit, match=words_of):
        main([str(tmp_path / "pack"), "--data", str(folder), *arguments])


def test_options_are_numbers_words_and_lists():
    given_options = ["zoom_in_vehicles=0", "region_strict=true", 'text_formats=["[a-z]{3}"]']
    assert overrides(given_options) == {"zoom_in_vehicles": 0, "region_strict": True, "text_formats": ["[a-z]{3}"]}
