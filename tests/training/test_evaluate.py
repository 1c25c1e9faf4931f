"""`python -m training.evaluate`: its figures on little folders, counted by hand, and its errors."""

import csv
import json
import random
import re
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image, ImageDraw, ImageFilter, ImageFont

from training.evaluate import sheets
from training.evaluate.blur import SHARP, measured, sharpness
from training.evaluate.breakdown import tables
from training.evaluate.confusions import confusions, steps
from training.evaluate.curve import at_precision, curve, point
from training.evaluate.labels import FolderError, Label, load
from training.evaluate.main import main
from training.evaluate.metrics import Found, Judged, Scene, edits, iou, outcome
from training.evaluate.regions import country_of, told, wrong_for
from training.evaluate.reliability import reliability
from training.evaluate.report import report
from training.evaluate.unlabelled import load_unlabelled
from training.folders import ROOT, SHARED

PACK = ROOT / "models/default"
SAMPLE = ROOT / "tests/fixtures/sample.jpg"
PHOTO_COLUMNS = ["photo", "split", "x1", "y1", "x2", "y2", "text", "country", "source"]
CROP_COLUMNS = ["crop", "split", "width", "text", "country", "source"]


def label(text="", box=(0.0, 0.0, 100.0, 20.0), file="a.png", country="", source="one", sharp=0.0, state=""):
    return Label(file, box, box[2] - box[0] if box else 100.0, text, country, source, sharp, state)


def found(text="", box=(0.0, 0.0, 100.0, 20.0), score=0.9, dscore=0.9, region=None):
    return Found(box, text, score, dscore, region)


def write(path: Path, columns: list[str], rows: list[list[object]]) -> None:
    with path.open("w", newline="", encoding="utf-8") as file:
        table = csv.writer(file)
        table.writerow(columns)
        table.writerows(rows)


@pytest.fixture
def scenes():
    """Three plates in two photos. Found: the first, read right; the second, read wrong; one box that is no plate."""
    a = [label("AB12", (0, 0, 100, 20)), label("O1", (200, 0, 240, 10), country="gb")]
    b = [label("", (0, 0, 20, 10), "b.png", source="two")]
    in_a = [found("ab-12", (0, 0, 100, 20), dscore=0.9), found("01", (200, 0, 240, 9), dscore=0.5)]
    in_b = [found("X", (300, 0, 320, 10), dscore=0.7)]
    return [Scene(a, in_a), Scene(b, in_b)]


def test_rates_by_hand(scenes):
    rates = tables(outcome(scenes, 0.2))["all"]["all"]
    assert rates["plates"] == 3
    assert rates["det50"] == pytest.approx(2 / 3)
    assert rates["precision"] == pytest.approx(2 / 3)
    assert rates["texts"] == 2
    assert rates["exact"] == 0.5
    assert rates["merged"] == 1.0
    assert rates["cer"] == pytest.approx(1 / 6)


def test_the_threshold_drops_detections(scenes):
    low, high = point(scenes, 0.2), point(scenes, 0.8)
    assert (low["det50"], low["precision"]) == (pytest.approx(2 / 3), pytest.approx(2 / 3))
    assert (high["det50"], high["precision"]) == (pytest.approx(1 / 3), 1.0)
    assert low["wide_plates"] == 1  # of 100, 40 and 20 pixels
    assert low["det50_wide"] == 1.0
    assert [each["detections"] for each in curve(scenes) if each["threshold_d"] in (0.5, 0.55, 0.95)] == [3, 2, 0]


def test_the_best_point_of_a_precision(scenes):
    best = at_precision(scenes, 0.9)
    assert best["det50"] == pytest.approx(1 / 3)
    assert best["precision"] == 1.0
    assert 0.7 < best["threshold_d"] < 0.715
    assert at_precision(scenes, 1.1) is None


def test_a_plate_that_nobody_labelled_counts_for_precision_by_eye_alone():
    boxes = [found("A", (0, 0, 100, 20)), found("B", (300, 0, 320, 10), dscore=0.6), found("C", (500, 0, 520, 10))]
    seen = point([Scene([label("A", (0, 0, 100, 20))], boxes, [(301, 0, 321, 10)])], 0.2)
    assert (seen["precision"], seen["precision_by_eye"]) == (pytest.approx(1 / 3), pytest.approx(2 / 3))
    assert (seen["plates"], seen["det50"], seen["detections"]) == (1, 1.0, 3)
    assert at_precision([Scene([label("A", (0, 0, 100, 20))], boxes[:2], [(300, 0, 320, 10)])], 1.0, "precision_by_eye")


def test_the_unlabelled_plates_lie_in_val_photos_and_on_no_label(tmp_path):
    known = load_unlabelled()
    assert sum(map(len, known.values())) > 100
    assert all(x2 > x1 and y2 > y1 for boxes in known.values() for x1, y1, x2, y2 in boxes)
    if (SHARED / "data/photos.csv").exists():
        labels = load(SHARED / "data", "val")[0]
        by_photo = {file: [each.box for each in labels if each.file == file] for file in known}
        assert all(by_photo.values())
        assert all(iou(a, b) < 0.5 for file, boxes in known.items() for a in boxes for b in by_photo[file])
    (tmp_path / "broken.csv").write_text("photo,x1,y1,x2\n")
    with pytest.raises(FolderError, match="no column 'y2'"):
        load_unlabelled(tmp_path / "broken.csv")


def test_one_detection_covers_one_plate_and_the_best_overlap_wins():
    plates = [label("A", (0, 0, 10, 10)), label("B", (4, 0, 14, 10))]
    boxes = [found("1", (3, 0, 13, 10), dscore=0.3), found("2", (0, 0, 10, 9), dscore=0.9)]
    judged, false = Scene(plates, boxes).judged(0.0)
    assert [each.found.text for each in judged] == ["2", "1"]
    assert not false
    judged, false = Scene(plates, boxes[:1] * 2).judged(0.0)
    assert judged[1].found
    assert len([each for each in judged if each.found]) + len(false) == 2


def test_an_overlap_of_half_counts_and_less_does_not():
    assert iou((0, 0, 10, 10), (0, 0, 10, 5)) == 0.5
    covered, _ = Scene([label(box=(0, 0, 10, 10))], [found(box=(0, 0, 10, 5))]).judged(0.0)
    assert covered[0].found
    missed, false = Scene([label(box=(0, 0, 10, 10))], [found(box=(0, 0, 10, 4.9))]).judged(0.0)
    assert missed[0].found is None
    assert len(false) == 1


@pytest.mark.parametrize(
    ("a", "b", "n"), [("", "ABC", 3), ("ABC", "ABC", 0), ("ABC", "AXC", 1), ("KITTEN", "SITTING", 3)]
)
def test_edit_distance(a, b, n):
    assert edits(a, b) == n
    assert len(steps(a, b)) == n


def test_confusions_name_what_was_lost_and_what_came_in():
    assert steps("A10", "AI0") == [("1", "I")]
    assert steps("A10", "A0") == [("1", "")]
    assert steps("A1", "A18") == [("", "8")]
    rows = [Judged(label("1A"), found("IA")), Judged(label("11"), found("II")), Judged(label("Q"), None)]
    assert confusions(rows) == [{"truth": "1", "reading": "I", "n": 3}]


def test_groups_by_width_source_country_and_blur(scenes):
    found_tables = tables(outcome(scenes, 0.2))
    assert {name: row["plates"] for name, row in found_tables["width"].items()} == {
        "under 24 px": 1,
        "32 to 48 px": 1,
        "96 to 128 px": 1,
        ">= 48 px": 1,
        ">= 96 px": 1,
    }
    assert {name: (row["plates"], row["precision"]) for name, row in found_tables["source"].items()} == {
        "one": (2, 1.0),
        "two": (1, 0.0),
    }
    assert {name: row["plates"] for name, row in found_tables["country"].items()} == {"other": 1, "not told": 2}
    judged = [Judged(label("AB", sharp=sharp), found("AB")) for sharp in (0.01, SHARP, 3.0)]
    blurs = tables(outcome([Scene([each.label], [each.found]) for each in judged], 0.0))["blur"]
    assert (blurs["sharp"]["plates"], blurs[">= 96 px and sharp"]["plates"]) == (2, 2)
    assert (blurs["under 0.05"]["plates"], blurs[">= 96 px and not sharp"]["plates"]) == (1, 1)


def test_reliability_by_hand():
    pairs = [(0.95, True)] * 3 + [(0.95, False)] + [(0.05, False)] * 4 + [(1.0, True), (0.9, True)]
    found_bins = reliability(pairs)
    assert [(each["from"], each["n"]) for each in found_bins["bins"]] == [(0.0, 4), (0.9, 6)]
    assert found_bins["bins"][1]["right"] == pytest.approx(5 / 6)
    mean = (4 * 0.95 + 1.9) / 6
    assert found_bins["ece"] == pytest.approx(0.4 * 0.05 + 0.6 * abs(5 / 6 - mean))
    assert found_bins["about_0.9"] == {"n": 1, "score": 0.9, "right": 1.0}
    assert reliability([])["ece"] is None


def test_regions_are_told_by_country():
    rows = [
        Judged(label(country="us"), found(region=("us-ca", 0.8))),
        Judged(label(country="us"), found(region=("gb", 0.6))),
        Judged(label(country="de"), found(region=None)),
        Judged(label(country="tn"), found(region=("unknown", 0.9))),
        Judged(label(country="tn"), found(region=("de", 0.9))),
        Judged(label(country="us"), None),
        Judged(label(country=""), found(region=("us", 0.9))),
    ]
    got = told(rows)
    assert got["all"] == {"n": 3, "right": pytest.approx(1 / 3)}
    assert got["countries"] == {"us": {"n": 2, "right": 0.5}, "de": {"n": 1, "right": 0.0}}
    assert got["unknown"] == {"n": 2, "right": 0.5}
    assert got["reliability"]["n"] == 2
    assert country_of("BR_sc") == "br"


def test_states_are_told_right_wrong_or_not_at_all():
    shown = ("us-ny", "us-nj", "us", None)
    rows = [Judged(label(country="us", state="us-ny"), found(region=code and (code, 0.9))) for code in shown]
    rows += [
        Judged(label(country="us"), found(region=("us-ny", 0.9))),
        Judged(label(country="us", state="us-ny"), None),
    ]
    got = told(rows)
    assert got["states"] == {"n": 4, "right": 0.25}
    assert got["states told"] == {"n": 2, "right": 0.5}
    assert got["all"]["right"] == 0.8, "a state is its country's"


def test_the_wrong_country_is_another_and_stays():
    countries = ["br", "gb", "us"]
    given = [wrong_for(f"{n}.webp", "gb", countries) for n in range(100)]
    assert set(given) == {"br", "us"}
    assert given == [wrong_for(f"{n}.webp", "gb", countries) for n in range(100)]


def plate_picture(width: int, blur: float) -> Image.Image:
    picture = Image.new("RGB", (520, 110), "white")
    ImageDraw.Draw(picture).text((20, 0), "AB 12 CDE", "black", ImageFont.load_default(95))
    small = picture.resize((width, round(width * 110 / 520)), Image.Resampling.BOX)
    return small.filter(ImageFilter.GaussianBlur(blur))


def test_sharpness_falls_with_blur_and_not_with_size_or_contrast():
    sharp = sharpness(plate_picture(260, 0))
    assert sharp > SHARP
    falling = [sharpness(plate_picture(260, blur)) for blur in (0, 1, 2, 4)]
    assert falling == sorted(falling, reverse=True)
    assert falling[-1] < 0.1 * sharp
    assert sharpness(plate_picture(512, 0)) == pytest.approx(sharp, rel=0.15)
    pale = plate_picture(260, 0).point(lambda level: 100 + level // 4)
    assert sharpness(pale) == pytest.approx(sharp, rel=0.1)
    assert sharpness(plate_picture(24, 0)) < SHARP  # enlarged to what a reader sees
    assert sharpness(Image.new("RGB", (100, 30), "grey")) == 0.0


@pytest.fixture
def folder(tmp_path):
    """The sample photo twice, once with its plate's box and once with a second one that is not there; two crops."""
    (tmp_path / "photos").mkdir()
    (tmp_path / "crops").mkdir()
    sample = Image.open(SAMPLE)
    box = (547, 470, 733, 518)
    for name in ("one", "two"):
        (tmp_path / f"photos/{name}.jpg").write_bytes(SAMPLE.read_bytes())
    for name in ("right", "wrong"):
        sample.crop((540, 466, 740, 522)).save(tmp_path / f"crops/{name}.png")
    write(
        tmp_path / "photos.csv",
        PHOTO_COLUMNS,
        [
            ["photos/one.jpg", "val", *box, "PHST482", "de", "first"],
            ["photos/two.jpg", "val", *box, "PHST482", "de", "second"],
            ["photos/two.jpg", "val", 10, 600, 60, 620, "AA1", "us", "second"],
            ["photos/gone.jpg", "train", *box, "PHST482", "de", "first"],
        ],
    )
    write(
        tmp_path / "crops.csv",
        CROP_COLUMNS,
        [
            ["crops/right.png", "val", 200, "PHST482", "de", "third"],
            ["crops/wrong.png", "val", 200, "ZZ", "gb", "third"],
        ],
    )
    return tmp_path


def test_the_command_on_the_default_pack(folder, tmp_path, capsys):
    out = tmp_path / "sheets"
    main([str(PACK), "--data", str(folder), "--out", str(out), "--json"])
    answer = json.loads(capsys.readouterr().out)
    (figures,) = answer["packs"]
    photos = figures["photos"]["all"]["all"]
    assert photos["plates"] == 3
    assert photos["det50"] == pytest.approx(2 / 3)
    assert photos["exact"] == pytest.approx(2 / 3)
    assert figures["photos"]["source"]["second"]["exact"] == 0.5
    assert figures["crops"]["all"]["all"]["exact"] == 0.5
    # The same plate, sent alone: the pipeline finds it in both.
    assert figures["crops_as_photos"]["all"]["all"]["exact"] == 0.5
    assert figures["guided"]["all"]["n"] == 5
    assert figures["guided"]["de"]["none"] == 1.0
    assert answer["times"]["photos"] == 2
    assert answer["times"]["packs"][0]["ms"] > 0
    with Image.open(out / "wrong.png") as sheet:
        assert sheet.width > 200
    assert (out / "missed.png").exists()


def test_an_option_reaches_the_core(folder, tmp_path, capsys):
    given = [str(PACK), "--quick", "--only", "photos", "--data", str(folder), "--out", str(tmp_path / "sheets")]
    main([*given, "--option", "region_strict=true", "--option", 'text_formats=["[0-9]{3}"]'])
    text = capsys.readouterr().out
    assert "Options: region_strict=True" in text
    assert "| all | 3 | 0.000 |" in text


def test_two_packs_stand_side_by_side(folder, tmp_path, capsys):
    main([str(PACK), str(PACK), "--other-threshold-d", "0.2", "--data", str(folder), "--out", str(tmp_path / "sheets")])
    text = capsys.readouterr().out
    assert re.search(r"\| all \| 3 \| 0\.667 0\.667 \+0\.000 \|", text)
    assert re.search(r"in turns: \*\*\d\.\d\d\*\*", text)
    assert "At the precision of default" in text
    for line in text.splitlines():
        if line.startswith("|"):
            assert line.endswith("|")
    assert not (tmp_path / "sheets/wrong-other-right.png").exists()  # the same pack is never right where it is wrong


@pytest.mark.parametrize(("gone", "title"), [("photos.csv", "## Crops"), ("crops.csv", "## Photos")])
def test_a_folder_with_one_table(folder, tmp_path, capsys, gone, title):
    (folder / gone).unlink()
    main([str(PACK), "--quick", "--data", str(folder), "--out", str(tmp_path / "sheets")])
    text = capsys.readouterr().out
    assert title in text
    assert len(re.findall(r"^## (?:Photos|Crops)$", text, re.MULTILINE)) == 1


def test_rows_without_text_and_country_leave_the_figures_open(folder, tmp_path, capsys):
    (folder / "crops.csv").unlink()
    write(folder / "photos.csv", PHOTO_COLUMNS, [["photos/one.jpg", "val", 547, 470, 733, 518, "", "", ""]])
    main([str(PACK), "--data", str(folder), "--out", str(tmp_path / "sheets")])
    text = capsys.readouterr().out
    assert "| all | 1 | 1.000 |" in text
    assert "| 0 | - | - | - | - |" in text
    assert "nan" not in text


def broken(folder, change):
    lines = (folder / "photos.csv").read_text().splitlines()
    (folder / "photos.csv").write_text("\n".join(change(lines)) + "\n")


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda lines: [lines[0].replace(",x2", ",xx"), *lines[1:]], ["photos.csv", "'x2'"]),
        (lambda lines: [lines[0], lines[1].replace("547", "wide")], ["photos.csv", "line 2", "'x1'", "'wide'"]),
        (lambda lines: [lines[0], lines[1].replace("733", "547")], ["photos.csv", "line 2", "empty"]),
        (
            lambda lines: [lines[0], lines[1].replace("one", "nowhere")],
            ["photos.csv", "line 2", "'photo'", "nowhere.jpg"],
        ),
        (lambda lines: [lines[0], lines[1].replace("547", "nan")], ["photos.csv", "line 2", "'x1'"]),
    ],
)
def test_a_bad_table_is_named_with_line_and_column(folder, change, words):
    broken(folder, change)
    with pytest.raises(FolderError) as error:
        load(folder, "val")
    assert all(word in str(error.value) for word in words)


def test_other_faults_of_a_folder(folder, tmp_path):
    with pytest.raises(FolderError, match="is not a folder"):
        load(tmp_path / "none", "val")
    (tmp_path / "empty").mkdir()
    with pytest.raises(FolderError, match=r"neither photos\.csv nor crops\.csv"):
        load(tmp_path / "empty", "val")
    with pytest.raises(FolderError, match="'test'"):
        load(folder, "test")
    (folder / "photos.csv").write_bytes(b"photo,split\n\xff\xfe\n")
    with pytest.raises(FolderError, match=r"photos\.csv"):
        load(folder, "val")
    (folder / "crops/right.png").write_text("no picture")
    with pytest.raises(FolderError, match=r"right\.png cannot be read"):
        measured(folder, [label(file="crops/right.png")])


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ([str(PACK), "--data", "nowhere"], "nowhere is not a folder"),
        (["nowhere"], "nowhere"),
        ([str(PACK), "--out", str(ROOT / "docs/sheets")], "--out"),
    ],
)
def test_the_command_fails_in_one_line(folder, arguments, words):
    given = arguments if "--data" in arguments else [*arguments, "--data", str(folder)]
    run = subprocess.run(
        [sys.executable, "-m", "training.evaluate", *given], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert run.returncode == 1
    assert words in run.stderr
    assert "Traceback" not in run.stderr
    assert not (ROOT / "docs/sheets").exists()


def test_sheets_show_the_worst_first_and_only_the_wrong(folder, tmp_path):
    rows = [
        Judged(label("PHST482", None, "crops/right.png"), found("PHST482", None, 0.99)),
        Judged(label("ZZ", None, "crops/wrong.png"), found("PHST482", None, 0.98)),
        Judged(label("AA1", (10, 600, 60, 620), "photos/two.jpg"), None),
    ]
    assert sheets.wrong_readings(folder, rows, tmp_path / "wrong.png") == 1
    assert sheets.missed(folder, rows, tmp_path / "missed.png") == 1
    assert sheets.false_boxes(folder, [], tmp_path / "false.png") == 0
    assert not (tmp_path / "false.png").exists()


def test_a_report_without_detections_has_no_division(folder):
    rows = tables(outcome([Scene([label("AB")], [])], 0.2))
    open_figures = {"n": 0, "right": None}
    none = reliability([])
    region = {"all": open_figures, "unknown": open_figures, "countries": {}, "reliability": none}
    text = report(
        [
            {
                "pack": "p",
                "bytes": 1,
                "threshold_d": 0.2,
                "mode": "default",
                "failed": 0,
                "photos": rows,
                "crops": tables(outcome([], 0.0)),
                "crops_as_photos": tables(outcome([], 0.0)),
                "curve": curve([Scene([label("AB")], [])]),
                "reliability": {"score": none, "dscore": none},
                "region": {"photos": region, "crops": region, "all": region},
                "confusions": [],
            }
        ],
        "folder",
        "val",
    )
    assert "| all | 1 | 0.000 | - | 1 | 0.000 |" in text


@pytest.mark.skipif(not (SHARED / "tools/score.py").exists(), reason="compares with the shared data's own scorer")
def test_figures_equal_those_of_the_shared_scorer(tmp_path):
    """A made-up world of labels and detections with every odd case: touching boxes, ties, foreign texts."""
    rng = random.Random(5)
    photos, crops, lines, scenes, read = [], [], [], [], []
    for n in range(120):
        name, source = f"photos/{n}.png", rng.choice(["one", "two"])
        rows, plates = [], []
        for _ in range(rng.randint(1, 3)):
            x, y, w = rng.randint(0, 60), rng.randint(0, 20), rng.randint(10, 200)
            text = rng.choice(["AB12", "O0I1", "", "ÄB1", "33하6580"])
            rows.append(label(text, (x, y, x + w, y + 10), name, "gb", source))
            photos.append([name, "val", x, y, x + w, y + 10, text, "gb", source])
        for _ in range(rng.randint(0, 4)):
            x1, y1, x2, y2 = rng.choice(rows).box
            shift = rng.choice([0, 0, 3, 8])
            plates.append(
                found(
                    rng.choice(["AB12", "ab-12", "0OI1", ""]),
                    (x1 + shift, y1, x2 + shift, y2),
                    0.9,
                    rng.randint(1, 9) / 10,
                )
            )
        scenes.append(Scene(rows, plates))
        plain = [{"box": each.box, "text": each.text, "score": each.dscore} for each in plates]
        lines.append({"photo": name, "plates": plain})
        crop = label(rng.choice(["AB12", "Q0", "皖A"]), None, f"crops/{n}.png", "de", source)
        crops.append([crop.file, "val", 100, crop.text, "de", source])
        if n % 7:
            read.append(Judged(crop, found(rng.choice(["AB12", "QO", "X"]), None)))
            lines.append({"crop": crop.file, "text": read[-1].found.text})
        else:
            read.append(Judged(crop, None))
    write(tmp_path / "photos.csv", PHOTO_COLUMNS, photos)
    write(tmp_path / "crops.csv", CROP_COLUMNS, crops)
    (tmp_path / "p.jsonl").write_text("\n".join(json.dumps(line) for line in lines))
    scorer = subprocess.run(
        [sys.executable, str(SHARED / "tools/score.py"), str(tmp_path / "p.jsonl"), "--data", str(tmp_path)],
        capture_output=True,
        text=True,
        check=True,
    )
    theirs = [line.split() for line in scorer.stdout.splitlines() if line.startswith(("one ", "two ", "all "))]
    whole, cut = outcome(scenes, 0.0), outcome([], 0.0)
    cut.judged = [each for each in read if each.label.readable]
    ours = []
    for kind in (tables(whole), tables(cut)):
        for name, row in [*kind["source"].items(), ("all", kind["all"]["all"])]:
            found_rates = ["det50", "precision"] if kind["all"]["all"]["detections"] else []
            cells = [f"{row[key]:.3f}" for key in found_rates] or ["0.000", "-"]
            rest = [f"{row[key]:.3f}" for key in ("exact", "interval", "merged", "cer")]
            ours.append([name, str(row["plates"]), *cells, str(row["texts"]), *rest])
    assert ours == theirs
