"""What `platehost read` tells of vehicles, with a scripted core: in JSON, CSV, the table and the annotated photo."""

import csv
import dataclasses
import io
import json
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from cli import answers
from cli.batch_output import Csv
from cli.main import main
from cli.results import as_version_1
from platehost.reading import Reading, Vehicle
from platehost.renderings import npr, snapshot, snapshot_v2
from tests.cli.support import SAMPLE
from tests.service.scripted import ScriptedReader, plate, vehicle
from tests.service.shapes import faults

SEEN = dataclasses.replace(plate("AB12CDE", "gb"), box=(600.0, 480.0, 690.0, 510.0), corners=None)
BARE = dataclasses.replace(vehicle("Front"), type="Bus", box=(10.0, 50.0, 500.0, 400.0))
NOTHING = Vehicle("Unknown", 0.4, (700.0, 50.0, 900.0, 400.0))
READING = Reading(
    1280,
    720,
    (
        dataclasses.replace(SEEN, vehicle=dataclasses.replace(vehicle(), box=(400.0, 200.0, 1000.0, 600.0))),
        plate("XY99ZZZ"),
    ),
    bare_vehicles=(BARE, NOTHING),
)
V2 = ("--config", '{"detection_mode": "vehicle"}')


@pytest.fixture
def reader(monkeypatch: pytest.MonkeyPatch) -> ScriptedReader:
    made = ScriptedReader(READING)
    monkeypatch.setattr(answers, "open_engine", lambda pack: made)
    return made


def read(capsys: pytest.CaptureFixture[str], *more: str) -> str:
    assert main(["read", str(SAMPLE), *more]) == 0
    return capsys.readouterr().out


def results(capsys: pytest.CaptureFixture[str], *more: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(read(capsys, "--json", *more))["results"]
    return found


@pytest.mark.parametrize(
    ("more", "shape", "count"),
    [((), "Result", 2), (("--mmc",), "ResultMmc", 2), (V2, "ResultV2", 4), (("--mmc", *V2), "ResultV2", 4)],
)
def test_json_has_the_shape_that_was_asked_for(
    reader: ScriptedReader, capsys: pytest.CaptureFixture[str], more: tuple[str, ...], shape: str, count: int
) -> None:
    found = results(capsys, *more)
    assert [fault for each in found for fault in faults(shape, each)] == []
    assert len(found) == count
    (options,) = reader.options
    assert (options.mmc, options.detection_mode) == ("--mmc" in more, "vehicle" if V2[1] in more else "plate")


def test_the_table_tells_the_vehicle_in_words(reader: ScriptedReader, capsys: pytest.CaptureFixture[str]) -> None:
    plain, with_mmc, both = read(capsys, "--table"), read(capsys, "--table", "--mmc"), read(capsys, "--table", *V2)
    assert "silver" not in plain
    assert "silver Sedan, BMW 3 Series 2012, Rear" in with_mmc
    assert "1 photo, 2 plates, 0 errors" in with_mmc
    assert [line.split()[1] for line in both.splitlines() if "sample.jpg" in line] == ["AB12CDE", "XY99ZZZ", "-", "-"]
    assert "1 photo, 2 plates and 2 vehicles without one, 0 errors" in both
    assert "10,50 500,400" in both
    assert "Bus" in both


def test_csv_has_a_row_for_each_plate_and_each_vehicle_without_one(
    reader: ScriptedReader, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = list(csv.DictReader(io.StringIO(read(capsys, "--csv", "--mmc"))))
    assert json.loads(rows[0]["year"])[0]["year"] == 2012
    both = list(csv.DictReader(io.StringIO(read(capsys, "--csv", "--mmc", *V2))))
    assert [row["plate"] for row in both] == ["ab12cde", "xy99zzz", "", ""]
    assert [row["vehicle_type"] for row in both] == ["Sedan", "Unknown", "Bus", "Unknown"]
    assert both[2]["vehicle_box_xmax"] == "500"
    assert json.loads(both[2]["orientation"])[0]["orientation"] == "Front"
    assert both[2]["error_code"] == ""
    # But for the year, for which V2 has no place, both versions give the same row; a vehicle that is known of.
    assert {**both[0], "year": ""} == {**rows[0], "year": ""}


def test_a_result_of_v2_is_that_of_version_1(reader: ScriptedReader) -> None:
    known = dataclasses.replace(READING, plates=READING.plates[:1])
    for mmc in (False, True):
        (plain,) = snapshot.results(known, mmc=mmc)
        plain.pop("year", None)
        same = as_version_1(snapshot_v2.results(known, mmc=mmc)[0])
        assert same == plain
        assert as_version_1(plain) is plain


def test_vehicles_are_drawn_with_their_words(
    reader: ScriptedReader, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    for more in ((), V2):
        read(capsys, "--mmc", "--annotate", str(tmp_path / "drawn"), *more)
        with Image.open(tmp_path / "drawn" / "sample.jpg") as drawn, Image.open(SAMPLE) as before:
            pixels, was = drawn.convert("RGB"), before.convert("RGB")
        assert blue(pixels, (400, 400)), "the plate's vehicle has its outline"
        assert not blue(was, (400, 400))
        # Its label stands above its box, left.
        assert blue(pixels, (402, 197))
        assert blue(pixels, (10, 200)) is bool(more), "a vehicle without a plate, where it was asked for"


def test_the_rows_of_a_batch_have_the_vehicle_too() -> None:
    stream = io.StringIO()
    Csv(stream).add({"file": "a.jpg", **npr.render(READING)})
    first, second = csv.DictReader(io.StringIO(stream.getvalue()))
    shown = {name: first[name] for name in ("plate", "make", "model", "colour", "year", "fuel_type", "source")}
    assert shown == {
        "plate": "AB12 CDE",
        "make": "BMW",
        "model": "3 Series",
        "colour": "Silver",
        "year": "2012",
        "fuel_type": "",
        "source": "picture",
    }
    assert (second["plate"], second["make"], second["source"]) == ("XY99ZZZ", "", "")
    # An earlier release's file goes on being one.
    kept = list(Csv.kept(io.StringIO("file,plate,error_code\nold.jpg,AB1,\nlast.jpg,CD2,\n")))
    Csv(stream).add(kept[0])
    assert stream.getvalue().splitlines()[-1].startswith("old.jpg,AB1,")


def blue(picture: Image.Image, point: tuple[int, int]) -> bool:
    red, green, blue = picture.getpixel(point)  # type: ignore[misc]
    return bool(blue > 180 and blue - red > 80 and green > 120)
