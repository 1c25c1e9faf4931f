"""What regions and text formats do to a reading, seen through the stripe reader.

A stripe of grey between two shades is a character that the reader is in two minds about: `9` and `A` are neighbours in
its alphabet, and 75 lies between them, nearer to `A`.
"""

from __future__ import annotations

import csv
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import core_rs
from platehost import regions
from tests.core import models
from tests.core.pictures import STRIPE, Pixels, encoded, plate, scene

ROOT = Path(__file__).resolve().parents[2]
TABLE = ROOT / "core_rs" / "src" / "templates" / "formats.csv"
IN_TWO_MINDS = 75


def doubtful(text: str) -> Pixels:
    """A plate whose `?` are 15 times likelier an A than a 9."""
    pixels = plate(text.replace("?", "A"))
    for at in (n for n, letter in enumerate(text) if letter == "?"):
        stripe = pixels[:24, at * STRIPE : (at + 1) * STRIPE]
        stripe[:] = IN_TWO_MINDS
    return pixels


def read(engine: core_rs.Engine, text: str, **options: Any) -> core_rs.PlateReading:
    [answer] = engine.read_crops([encoded(doubtful(text))], [core_rs.Options(**options)])
    assert isinstance(answer, core_rs.ImageReading), answer
    return answer.plates[0]


def test_without_regions_the_reader_has_its_way(engine: core_rs.Engine) -> None:
    assert read(engine, "AB?1CDE").text == "ABA1CDE"


@pytest.mark.parametrize(
    ("codes", "seen", "text"),
    [
        (["gb"], "AB?1CDE", "AB91CDE"),
        (["gb"], "?B51CDE", "AB51CDE"),
        (["gb"], "?B?1CDE", "AB91CDE"),
        (["us", "ca"], "ABC12?4", "ABC1294"),
        (["us-ca"], "7ABC?34", "7ABC934"),
        (["br_sc"], "ABC1D2?", "ABC1D29"),
        (["br-sc"], "ABC1D2?", "ABC1D29"),
        (["de-by"], "MAB12?", "MAB129"),
    ],
)
def test_the_regions_of_the_caller_guide(engine: core_rs.Engine, codes: list[str], seen: str, text: str) -> None:
    """A sub-region without formats of its own has its country's."""
    found = read(engine, seen, regions=codes)
    assert found.text == text
    assert found.candidates[0] == (found.text, found.score)
    assert len(found.char_scores) == len(text)


@pytest.mark.parametrize("codes", [["es"], ["jp"], ["xx"], ["it", "nl"]])
def test_other_regions_leave_a_plate_as_it_was_read(engine: core_rs.Engine, codes: list[str]) -> None:
    assert read(engine, "AB?1CDE", regions=codes).text == "ABA1CDE"


def test_a_text_that_fits_stays_as_it_was_read(engine: core_rs.Engine) -> None:
    """Brazil has ABC1D23 and ABC1234, the first more often: of two that fit, the picture decides."""
    assert read(engine, "ABC1?23").text == "ABC1A23"
    assert read(engine, "ABC1?23", regions=["br"]).text == "ABC1A23"
    assert read(engine, "AB?DEF", regions=["br"]).text == "ABADEF", "neither fits"


def test_a_number_that_is_not_padded_starts_with_no_0(engine: core_rs.Engine) -> None:
    """Britain draws 0 and O alike: V058BVE would be of 1999, which knows no 058, VO58BVE is of 2008."""
    assert read(engine, "V058BVE").text == "V058BVE"
    assert read(engine, "V058BVE", regions=["gb"]).text == "VO58BVE"
    assert read(engine, "V508BVE", regions=["gb"]).text == "V508BVE"


def test_regions_never_force(engine: core_rs.Engine) -> None:
    found = read(engine, "ABABABA", regions=["gb"])
    assert found.text == "ABABABA"
    assert found.score > 0.9


def test_strict_gives_only_what_fits(engine: core_rs.Engine) -> None:
    assert read(engine, "AB51CDE", regions=["gb"], region_strict=True).text == "AB51CDE"
    none = read(engine, "ABCD123", regions=["gb"], region_strict=True)
    assert (none.text, none.score, none.candidates) == ("", 0.0, [])
    both = read(engine, "ABCD123", regions=["gb", "de"], region_strict=True)
    assert both.text == "ABCD123"


def test_strict_drops_plates_of_a_photo_even_without_a_threshold(engine: core_rs.Engine) -> None:
    photo = encoded(scene({(0, 0): "AB51CDE", (160, 192): "ABCD123"}))

    def texts(**options: Any) -> set[str]:
        [answer] = engine.recognise([photo], [core_rs.Options(threshold_o=0.0, **options)])
        assert isinstance(answer, core_rs.ImageReading), answer
        return {each.text for each in answer.plates}

    assert texts() == texts(regions=["gb"]) == {"AB51CDE", "ABCD123"}
    assert texts(regions=["gb"], region_strict=True) == {"AB51CDE"}


def test_text_formats_guide_and_with_strict_bind(engine: core_rs.Engine) -> None:
    formats = ["[0-9]{3}[a-z]", "^AB[0-9]+CDE$"]
    assert read(engine, "AB?1CDE", text_formats=formats).text == "AB91CDE"
    assert read(engine, "XY?1CDE", text_formats=formats).text == "XYA1CDE"
    assert read(engine, "XY51CDE", text_formats=formats, region_strict=True).text == ""
    assert read(engine, "AB51CDE", text_formats=formats, region_strict=True).text == "AB51CDE"


@pytest.mark.parametrize("wrong", ["[", "a)(b", "(?=A)B", r"(A)\1", "((A{1000}){1000}){1000}"])
def test_a_text_format_that_cannot_be_used_is_named(wrong: str) -> None:
    with pytest.raises(ValueError, match=r"^text_formats: .* is not a regular expression"):
        core_rs.Options(text_formats=["[a-z]", wrong])


def test_candidates_are_ranked_and_their_probabilities_add_up_to_one_at_most(engine: core_rs.Engine) -> None:
    found = read(engine, "A??1C?E", regions=["gb"], max_candidates=64)
    scores = [score for _, score in found.candidates]
    assert scores == sorted(scores, reverse=True)
    assert len({text for text, _ in found.candidates}) == len(scores)
    assert sum(score ** len(found.text) for score in scores) <= 1.001


def test_a_region_of_the_caller_is_told_where_the_reader_knows_it(tmp_path: Path) -> None:
    reader = models.stripe_toml(tmp_path).replace('"bb"', '"gb"')
    engine = core_rs.Engine(models.write_pack(tmp_path, models.marker_toml(tmp_path), reader))
    plain, guided = read(engine, "AB51CDE").region, read(engine, "AB51CDE", regions=["gb"]).region
    assert plain is not None
    assert guided is not None
    assert guided[0] == "gb"
    assert guided[1] >= (plain[1] if plain[0] == "gb" else 0)


def test_the_table_knows_the_codes_that_the_interfaces_know() -> None:
    with TABLE.open(encoding="utf-8") as lines:
        codes = {row["code"] for row in csv.DictReader(lines)}
    # Pakistan has no code in the interfaces; its formats are there for whoever uses the core itself.
    assert {code for code in codes if regions.normalise(code) is None} <= {"pk"}


def test_the_table_is_what_its_script_makes(tmp_path: Path) -> None:
    shared = Path(os.environ.get("PLATEHOST_SHARED", ROOT.parent / "shared"))
    source = shared / "reference" / "plate_formats.csv"
    if not source.exists():
        pytest.skip(f"needs the table of plate formats, {source}")
    made = tmp_path / "formats.csv"
    script = ROOT / "scripts" / "refresh_templates.py"
    subprocess.run([sys.executable, script, source, "--out", made], check=True)
    assert made.read_text(encoding="utf-8") == TABLE.read_text(encoding="utf-8")
