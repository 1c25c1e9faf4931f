import csv
import io
import json
import os
import pty
import shutil
import struct
import subprocess
import zlib
from pathlib import Path
from typing import Any

import pytest
from PIL import Image, ImageChops

from tests.cli.support import COMMAND, SAMPLE, SAMPLE_PLATE, Platehost, one_sentence

# The flattened keys that scripts around the Snapshot API read.
FLAT_KEYS = {
    *(f"box_{side}" for side in ("xmin", "ymin", "xmax", "ymax")),
    *(f"vehicle_box_{side}" for side in ("xmin", "ymin", "xmax", "ymax")),
    *("plate", "region_code", "region_score", "score", "dscore", "vehicle_score", "vehicle_type"),
}


def answers(done: "subprocess.CompletedProcess[str]") -> list[dict[str, Any]]:
    return [json.loads(line) for line in done.stdout.splitlines()]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Two photos, one of them two folders down, and files that are none."""
    deep = tmp_path / "photos" / "street" / "monday"
    deep.mkdir(parents=True)
    shutil.copy(SAMPLE, tmp_path / "photos" / "first.JPG")
    Image.open(SAMPLE).save(deep / "second.png")
    (tmp_path / "photos" / "notes.txt").write_text("not a photo")
    (tmp_path / "photos" / ".hidden.jpg").write_text("not a photo either")
    return tmp_path / "photos"


def test_json_has_the_plate_in_the_snapshot_shape(platehost: Platehost) -> None:
    done = platehost("read", SAMPLE, "--json")
    assert done.returncode == 0, done.stderr
    (answer,) = answers(done)
    assert answer["file"] == str(SAMPLE)
    assert answer["processing_time"] > 0
    (result,) = answer["results"]
    assert result["plate"] == SAMPLE_PLATE
    assert result["candidates"][0]["plate"] == SAMPLE_PLATE
    assert set(result) == {"box", "plate", "region", "score", "candidates", "dscore", "vehicle"}
    # The plate that the picture was drawn with, within a few pixels.
    drawn = {"xmin": 545, "ymin": 474, "xmax": 735, "ymax": 517}
    assert all(abs(result["box"][side] - drawn[side]) < 15 for side in drawn), result["box"]


def test_json_lines_are_what_a_pipe_gets(platehost: Platehost) -> None:
    assert answers(platehost("read", SAMPLE))[0]["results"][0]["plate"] == SAMPLE_PLATE


def test_a_folder_is_read_with_all_below_it(platehost: Platehost, folder: Path) -> None:
    done = platehost("read", folder, "--json")
    assert done.returncode == 0, done.stderr
    found = {answer["file"]: answer["results"][0]["plate"] for answer in answers(done)}
    assert found == {
        str(folder / "first.JPG"): SAMPLE_PLATE,
        str(folder / "street" / "monday" / "second.png"): SAMPLE_PLATE,
    }


def test_more_photos_than_a_batch_keep_their_order(platehost: Platehost, tmp_path: Path) -> None:
    small = Image.open(SAMPLE).resize((320, 180))
    names = [tmp_path / f"{number:02}.jpg" for number in range(11)]
    for name in names:
        small.save(name)
    assert [answer["file"] for answer in answers(platehost("read", tmp_path))] == [str(name) for name in names]


def test_files_that_fail_do_not_stop_the_others(platehost: Platehost, tmp_path: Path) -> None:
    (tmp_path / "text.jpg").write_text("this is not a picture")
    (tmp_path / "cut.jpg").write_bytes(SAMPLE.read_bytes()[:20_000])
    (tmp_path / "empty.png").write_bytes(b"")
    (tmp_path / "nothing").mkdir()
    named = [tmp_path / name for name in ("text.jpg", "cut.jpg", "empty.png", "missing.jpg", "nothing")]
    done = platehost("read", *named, SAMPLE, "--json")
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    codes = {Path(answer["file"]).name: answer["error"]["code"] for answer in answers(done)[:-1]}
    assert codes == {
        "text.jpg": "unsupported_format",
        "cut.jpg": "truncated_image",
        "empty.png": "empty_image",
        "missing.jpg": "file_not_found",
        "nothing": "no_photos",
    }
    assert all(answer["error"]["message"] for answer in answers(done)[:-1])
    assert answers(done)[-1]["results"][0]["plate"] == SAMPLE_PLATE


def test_a_photo_without_plates_is_no_error(platehost: Platehost, tmp_path: Path) -> None:
    Image.new("RGB", (640, 480), (90, 120, 90)).save(tmp_path / "grass.jpg")
    done = platehost("read", tmp_path / "grass.jpg")
    assert done.returncode == 0
    assert answers(done)[0]["results"] == []


def test_csv_has_the_flattened_keys(platehost: Platehost, tmp_path: Path) -> None:
    (tmp_path / "bad.jpg").write_text("this is not a picture")
    Image.new("RGB", (640, 480), (90, 120, 90)).save(tmp_path / "grass.jpg")
    done = platehost("read", SAMPLE, tmp_path / "bad.jpg", tmp_path / "grass.jpg", "--csv", "--mmc")
    assert done.returncode == 1
    plate, bad, grass = csv.DictReader(io.StringIO(done.stdout))
    assert set(plate) >= FLAT_KEYS
    assert plate["plate"] == SAMPLE_PLATE
    assert abs(int(plate["box_xmin"]) - 545) < 15
    assert json.loads(plate["candidates"])[0]["plate"] == SAMPLE_PLATE
    assert json.loads(plate["color"])[0].keys() == {"color", "score"}
    assert bad["error_code"] == "unsupported_format"
    assert bad["plate"] == ""
    assert grass["file"].endswith("grass.jpg")
    assert grass["plate"] == grass["error_code"] == ""


def test_the_table_tells_plates_and_errors(platehost: Platehost) -> None:
    done = platehost("read", SAMPLE, "missing.jpg", "--table")
    assert done.returncode == 1
    assert SAMPLE_PLATE.upper() in done.stdout
    assert "2 photos, 1 plate, 1 error" in done.stdout
    assert done.stderr == "platehost: missing.jpg: There is no file missing.jpg.\n"


def test_a_terminal_gets_a_table_and_a_progress_bar(environment: dict[str, str]) -> None:
    leader, follower = pty.openpty()
    process = subprocess.Popen(
        [COMMAND, "read", str(SAMPLE), str(SAMPLE)],
        stdin=follower,
        stdout=follower,
        stderr=follower,
        env={**environment, "TERM": "xterm", "COLUMNS": "200"},
    )
    os.close(follower)
    shown = b""
    try:
        while chunk := os.read(leader, 4096):
            shown += chunk
    except OSError:  # how Linux says that the other side of a terminal has gone
        pass
    os.close(leader)
    assert process.wait() == 0
    assert b"reading" in shown
    assert SAMPLE_PLATE.upper().encode() in shown
    assert b"2 photos, 2 plates, 0 errors" in shown
    assert b'"results"' not in shown


@pytest.mark.parametrize("form", ["--json", "--csv", "--table"])
@pytest.mark.parametrize("encoding", ["utf-8:strict", "ascii:strict"])
def test_names_that_the_output_cannot_take_do_not_stop_it(
    platehost: Platehost, tmp_path: Path, form: str, encoding: str
) -> None:
    for name in (b"a\xe9.jpg", "b\N{LATIN SMALL LETTER E WITH ACUTE}.jpg".encode(), b"c.jpg"):
        shutil.copy(SAMPLE, tmp_path / os.fsdecode(name))
    done = platehost("read", tmp_path, tmp_path / os.fsdecode(b"none\xe9"), form, env={"PYTHONIOENCODING": encoding})
    assert done.returncode == 1, done.stderr  # of the one that is not there
    assert "Traceback" not in done.stderr
    assert done.stdout.lower().count(f'"{SAMPLE_PLATE}", "region"' if form == "--json" else f"{SAMPLE_PLATE}") >= 3
    assert "c.jpg" in done.stdout
    if form == "--json":
        names = [Path(answer["file"]).name for answer in answers(done)]
        assert names == ["a\\xe9.jpg", "b\N{LATIN SMALL LETTER E WITH ACUTE}.jpg", "c.jpg", "none\\xe9"]
    else:
        assert "a\\xe9.jpg" in done.stdout


def _png_with(kind: bytes, content: bytes) -> bytes:
    """The sample as a PNG that has one more chunk, right after its first one."""
    plain = io.BytesIO()
    Image.open(SAMPLE).save(plain, "PNG")
    head = 33  # bytes of the signature and the IHDR chunk
    chunk = struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))
    return plain.getvalue()[:head] + chunk + plain.getvalue()[head:]


@pytest.mark.parametrize(
    ("kind", "content"),
    [(b"pHYs", b"ab"), (b"zTXt", b"Comment\0\0" + zlib.compress(bytes(2_000_000))), (b"iCCP", b"a")],
)
def test_a_photo_that_cannot_be_drawn_into_is_told_and_the_rest_is_drawn(
    platehost: Platehost, tmp_path: Path, kind: bytes, content: bytes
) -> None:
    odd = tmp_path / "odd.png"
    odd.write_bytes(_png_with(kind, content))
    done = platehost("read", odd, SAMPLE, "--annotate", tmp_path / "drawn")
    assert [answer["results"][0]["plate"] for answer in answers(done)] == [SAMPLE_PLATE] * 2
    assert done.returncode == 0
    assert done.stderr.startswith(f"platehost: {odd} is not annotated: ")
    assert done.stderr.count("\n") == 1
    assert [path.name for path in (tmp_path / "drawn").iterdir()] == [SAMPLE.name]


def test_annotate_draws_into_copies(platehost: Platehost, folder: Path, tmp_path: Path) -> None:
    done = platehost("read", folder, SAMPLE, "--annotate", tmp_path / "drawn")
    assert done.returncode == 0, done.stderr
    drawn = sorted(str(path.relative_to(tmp_path / "drawn")) for path in (tmp_path / "drawn").rglob("*.*"))
    assert drawn == ["first.JPG", "sample.jpg", "street/monday/second.png"]
    with Image.open(SAMPLE) as before, Image.open(tmp_path / "drawn" / "street" / "monday" / "second.png") as after:
        assert after.format == "PNG"
        assert after.size == before.size
        changed = ImageChops.difference(before.convert("RGB"), after.convert("RGB")).getbbox()
    assert changed is not None
    left, top, right, bottom = changed
    # The plate at 545,474 to 735,517, the vehicle round it and their labels; nothing else.
    vehicle = answers(done)[0]["results"][0]["vehicle"]["box"]
    assert vehicle["xmin"] - 10 < left < 560
    assert vehicle["ymin"] - 60 < top < 480
    assert 730 < right < vehicle["xmax"] + 10
    assert 510 < bottom < vehicle["ymax"] + 10


def test_annotate_turns_the_picture_upright(platehost: Platehost, tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6  # stored turned to the left: shown turned a quarter to the right
    Image.open(SAMPLE).rotate(90, expand=True).save(tmp_path / "turned.jpg", exif=exif)
    done = platehost("read", tmp_path / "turned.jpg", "--annotate", tmp_path / "drawn")
    assert answers(done)[0]["results"][0]["plate"] == SAMPLE_PLATE
    with Image.open(tmp_path / "drawn" / "turned.jpg") as drawn:
        assert drawn.size == (1280, 720)


def test_annotated_files_of_one_name_do_not_meet(platehost: Platehost, tmp_path: Path) -> None:
    twin = tmp_path / "other" / SAMPLE.name
    twin.parent.mkdir()
    shutil.copy(SAMPLE, twin)
    platehost("read", SAMPLE, twin, SAMPLE, "--annotate", tmp_path / "drawn")
    assert sorted(path.name for path in (tmp_path / "drawn").iterdir()) == ["sample-2.jpg", "sample.jpg"]


def test_annotate_never_writes_over_a_photo(platehost: Platehost, folder: Path) -> None:
    before = (folder / "first.JPG").read_bytes()
    assert "would write over" in one_sentence(platehost("read", folder, "--annotate", folder))
    assert (folder / "first.JPG").read_bytes() == before


def test_an_annotate_folder_that_cannot_be_written_is_one_sentence(platehost: Platehost, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    done = platehost("read", SAMPLE, "--annotate", tmp_path / "file")
    assert str(tmp_path / "file") in one_sentence(done)


def test_the_options_of_the_api_are_taken(platehost: Platehost) -> None:
    strict = platehost("read", SAMPLE, "--config", '{"threshold_d": 1.0}')
    assert strict.returncode == 0, strict.stderr
    assert answers(strict)[0]["results"] == []
    several = platehost("read", SAMPLE, "--regions", "de,gb", "--regions", "us-ca", "--mmc")
    assert answers(several)[0]["results"][0]["plate"] == SAMPLE_PLATE
    assert answers(several)[0]["results"][0]["model_make"][0].keys() == {"make", "model", "score"}


def test_a_region_that_nobody_knows_is_told(platehost: Platehost) -> None:
    told = one_sentence(platehost("read", SAMPLE, "--regions", "gb,narnia"))
    assert told.startswith("platehost: --regions: 'narnia' is not a known region.")


def test_regions_guide_and_with_strict_bind(platehost: Platehost) -> None:
    def plates(*more: str) -> list[str]:
        return [each["plate"] for each in answers(platehost("read", SAMPLE, *more))[0]["results"]]

    strict = ("--config", '{"region": "strict"}')
    assert plates("--regions", "gb") == plates("--regions", "de", *strict) == [SAMPLE_PLATE]
    assert plates("--regions", "gb", *strict) == []
    assert plates("--config", '{"region": "strict", "text_formats": ["[0-9]{2}"]}') == []


@pytest.mark.parametrize(
    ("config", "told"),
    [("{", "JSON"), ("[1]", "object"), ('{"threshold_d": 7}', "threshold_d"), ('{"mode": "slow"}', "mode")],
)
def test_a_config_that_cannot_be_used_is_one_sentence(platehost: Platehost, config: str, told: str) -> None:
    sentence = one_sentence(platehost("read", SAMPLE, "--config", config))
    assert sentence.startswith("platehost: --config: ")
    assert told in sentence


def test_a_missing_pack_is_one_sentence(platehost: Platehost, tmp_path: Path) -> None:
    assert str(tmp_path / "none") in one_sentence(platehost("read", SAMPLE, "--pack", tmp_path / "none"))


def test_a_setting_that_cannot_be_used_is_one_sentence(platehost: Platehost) -> None:
    done = platehost("read", SAMPLE, env={"PLATEHOST_WORKER_THREADS": "many"})
    assert "PLATEHOST_WORKER_THREADS" in one_sentence(done)


def test_a_reader_that_goes_early_is_no_error(environment: dict[str, str]) -> None:
    shell = f"{COMMAND} read {SAMPLE} {SAMPLE} {SAMPLE} --csv | head -n 1"
    done = subprocess.run(["sh", "-c", shell], env=environment, capture_output=True, text=True, check=True)
    assert done.stdout.startswith("file,")
    assert done.stderr == ""
