"""The texts that plates are drawn with follow the pattern table."""

import random
import re

import pytest

from training.synthetic.formats import Formats, read_table, sample, squeezed

HEADER = (
    "code,vehicle,since,pattern,background colour,text colour,band,typeface name,width_mm x height_mm,lines,weight\n"
)


@pytest.mark.parametrize(
    ("pattern", "texts"),
    [
        ("LL DD", r"[A-Z]{2} \d{2}"),
        ("[A-C]D?", r"[ABC]\d?"),
        ("[L][D]", r"LD"),  # within a class, L and D are themselves
        ("(AB|[D]J|L)-DDD", r"(AB|DJ|[A-Z])-\d{3}"),
        ("(0[1-9]|8[01]) L", r"(0[1-9]|8[01]) [A-Z]"),
        ("((A|B)X|C)?1", r"(AX|BX|C)?1"),
    ],
)
def test_a_sample_is_of_its_pattern(pattern, texts):
    rng = random.Random(3)
    drawn = {sample(pattern, rng) for _ in range(300)}
    assert all(re.fullmatch(texts, text) for text in drawn)
    assert len(drawn) > 1 or pattern == "[L][D]"


@pytest.mark.parametrize("pattern", ["A)", "A]", "*A", "A?*"])
def test_a_pattern_outside_the_grammar_is_refused(pattern):
    with pytest.raises(ValueError, match="stray"):
        sample(pattern, random.Random(1))


def test_formats_fold_umlauts_skip_other_scripts_and_always_know_pakistan(tmp_path):
    table = tmp_path / "formats.csv"
    table.write_text(
        HEADER
        + "de,car,,[Ä]L DD,white,black,,FE-Schrift,520x110,1,0.9\n"
        + "us,any,,LLL DDD,white,black,,die,305x152,1,0.9\n"
        + "kr,car,,DD가DDDD,white,black,,own,520x110,1,0.9\n"
        + "br,car,,LLLDLDD,white,black,,FE-Schrift,400x130,3,0.9\n"
    )
    formats = Formats(table, random.Random(1))
    drawn = [formats.draw() for _ in range(400)]
    assert {form.country for form, _ in drawn} == {"de", "us", "br", "pk", "gb"}, "the table's and MORE"
    assert all(re.fullmatch(r"[A-Z0-9]{2,10}", squeezed(text)) for _, text in drawn)
    assert all(squeezed(text).startswith("A") for form, text in drawn if form.country == "de")
    assert {form.lines for form, _ in drawn if form.pattern == "LLLDLDD"} == {2}


def test_santa_catarina_is_in_brazil(tmp_path):
    table = tmp_path / "formats.csv"
    table.write_text(HEADER + "br_sc,car,,LLLDLDD,white,black,,FE-Schrift,400x130,1,0.9\n")
    (form,) = read_table(table)
    assert form.country == "br"


def test_the_first_of_several_sizes_counts(tmp_path):
    table = tmp_path / "formats.csv"
    table.write_text(HEADER + "it,car,,LL,white,black,,own,520x110 (front 360x110),1,\n")
    (form,) = read_table(table)
    assert form.size == (520, 110)
    assert form.weight == 0.01
