"""Drawn plates: looks of their own, other scripts, decoys."""

import random
import re

import cv2
import numpy as np
import pytest
from PIL import Image

from training.folders import SHARED
from training.synthetic.asides import Asides
from training.synthetic.camera import CUT_ASIDE, CUT_INTO, READER_SIZE, Camera
from training.synthetic.decoy import DecoyMaker
from training.synthetic.formats import MORE, Format, squeezed
from training.synthetic.lettering import Letterer, Lettering
from training.synthetic.looks import look_of
from training.synthetic.plate import PlateMaker
from training.synthetic.scripts import ScriptMaker
from training.synthetic.typefaces import Typefaces

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


@needs_fonts
def test_what_stands_beside_an_american_text_leaves_it_room():
    rng = random.Random(6)
    asides = Asides(Letterer(Typefaces(FONTS, rng), rng), rng)
    style = Lettering("RG2014C", (20, 20, 20), 1.0, "none")
    for _ in range(40):
        picture = Image.new("RGB", (224, 112), (240, 240, 240))
        x1, y1, x2, y2 = asides.add(picture, (10.0, 30.0, 214.0, 84.0), style)
        assert (y1, y2) == (30.0, 84.0)
        assert 10 <= x1 < x2 <= 214
        assert 80 < x2 - x1 < 204
        pixels = np.asarray(picture).min(2)
        assert (pixels < 128).any(), "something stands there"
        assert not (pixels[:, int(x1) + 6 : int(x2) - 6] < 128).any(), "and nothing where the text will"


def test_a_camera_wears_a_plate_and_some_cuts_are_too_tight():
    camera = Camera(7)
    for lost, share, most in ((camera.too_tight, CUT_INTO, 0.3), (camera.too_narrow, CUT_ASIDE, 0.08)):
        losses = [lost() for _ in range(2000)]
        assert sum(loss.any() for loss in losses) == pytest.approx(2000 * share, rel=0.3)
        assert all((loss > 0).sum() <= 1 and loss.max() <= most for loss in losses)
    clean = np.zeros((48, 160, 3), np.uint8)
    clean[12:36, 20:140:8] = 230
    worn = [camera.wear(clean) for _ in range(300)]
    assert {(each.shape, each.dtype) for each in worn} == {(clean.shape, clean.dtype)}
    contrasts = sorted(float(each.std()) for each in worn)
    assert contrasts[8] < 0.4 * clean.std() < contrasts[150], "haze leaves little, and seldom"


def test_a_tilted_plate_that_a_tight_box_cut_is_turned_upright(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("training.synthetic.camera.SENT_TIGHT", 1.0)
    camera = Camera(3)
    monkeypatch.setattr(camera, "wear", lambda picture: picture)
    quad = np.float32([[20, 5], [190, 45], [180, 95], [10, 55]])
    picture = np.zeros((80, 200, 3), np.uint8)  # its lower right corner lies past the edge
    cv2.fillConvexPoly(picture, quad.astype(np.int32), (255, 255, 255))
    upright = [camera._turned_upright(picture, quad) for _ in range(50)]
    assert all(each.shape[1] > 2 * each.shape[0] for each in upright), "as wide as the plate, not as its box"
    assert np.mean([each.mean() for each in upright]) > 0.75 * 255, "and little but the plate"
    seen = [camera.see(np.full((60, 200, 3), 255, np.uint8), [picture]) for _ in range(20)]
    assert {each.shape for each in seen} == {(READER_SIZE[1], READER_SIZE[0], 3)}
