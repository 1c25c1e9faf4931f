"""Drawn plates: looks of their own, other scripts, decoys."""

import random
import re

import numpy as np
import pytest

from training.folders import SHARED
from training.synthetic.decoy import DecoyMaker
from training.synthetic.formats import MORE, Format, squeezed
from training.synthetic.looks import look_of
from training.synthetic.plate import PlateMaker
from training.synthetic.scripts import ScriptMaker

FONTS = SHARED / "fonts"
needs_fonts = pytest.mark.skipif(not FONTS.exists(), reason="draws with the typefaces of the shared folder")


def form(code: str, pattern: str = "LLL-DDDD", background: str = "white", lines: int = 1) -> Format:
    return Format(code, pattern, background, "black", "", "die", (300, 150), lines, 1.0)


def test_some_plates_have_looks_of_their_own_and_others_their_row():
    rng = random.Random(1)
    for chosen in (form("us-ny"), form("ar", "LLL DDD", "black"), form("br", background="grey", lines=2)):
        looks = [look for look in (look_of(chosen, rng) for _ in range(60)) if look]
        assert 40 < len(looks) < 60
        for look in looks:
            x1, y1, x2, y2 = look.text
            assert 0 <= x1 < x2 <= 1, chosen.code
            assert 0 <= y1 < y2 <= 1, chosen.code
            assert sum(abs(a - b) for a, b in zip(look.ground, look.ink, strict=True)) > 100 or look.inset
    assert not any(
        look_of(each, rng) for each in (form("de"), form("us-ca"), form("ar", "LL DDD LL")) for _ in range(30)
    )


def test_new_york_says_below_its_text_what_the_plate_is_for():
    rng = random.Random(2)
    looks = [look_of(form("us-ny", "TDDDDDDC"), rng) for _ in range(40)]
    assert {bar.words for look in looks if look for bar in look.bars} >= {"T&LC", "NEW YORK"}


@needs_fonts
def test_drawn_plates_bear_the_text_that_they_are_said_to_bear():
    maker = PlateMaker(SHARED / "reference", FONTS, 5)
    drawn = [maker.make() for _ in range(150)]
    assert all(re.fullmatch(r"[A-Z0-9]{2,12}", plate.text) for plate in drawn)
    assert all(plate.picture.shape[0] == 112 and plate.picture.dtype == np.uint8 for plate in drawn)
    taxi = maker.plate(MORE["us-ny"][0], "T123456C")
    assert (taxi.text, taxi.code) == ("T123456C", "us-ny")
    assert taxi.picture.std() > 20, "nothing was drawn"
    assert squeezed("AB 12-C") == "AB12C"


@needs_fonts
def test_plates_of_other_scripts_and_decoys_are_drawn():
    scripts = ScriptMaker(FONTS, 3)
    plates = [scripts.make() for _ in range(60)]
    assert {plate.shape[2] for plate in plates} == {3}
    assert {plate.shape[1] < 1.5 * plate.shape[0] for plate in plates} == {True, False}, "squares and long ones"
    decoys = [DecoyMaker(FONTS, seed).make() for seed in range(30)]
    assert {decoy.shape[2] for decoy in decoys} == {4}
