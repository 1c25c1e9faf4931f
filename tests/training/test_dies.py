"""Dies that stamp drawn plates' letters."""

import random

import numpy as np
import pytest

from training.synthetic.dies import FORMS, WITH_SERIFS, Die, cut_die
from training.synthetic.formats import DIGITS, LETTERS


def die(**options) -> Die:
    settings = {"width": 0.4, "weight": 0.14, "radius": 0.4, "flat": False}
    return Die(**{**settings, **options}, forms={c: form.split("|")[0] for c, form in FORMS.items()})


def test_there_is_a_form_of_every_character_and_all_of_them_fill_the_line():
    assert sorted(FORMS) == sorted(LETTERS + DIGITS)
    for seed in range(6):
        cut = cut_die(random.Random(seed).choice(["us", "ar", "pk", "gb", "de"]), random.Random(seed))
        for c in FORMS:
            ink = cut.stamp(c, 60)
            assert ink.shape[0] == 60, c
            assert ink[:8].max() > 100, f"{c} starts too low"
            assert ink[-8:].max() > 100, f"{c} ends too high"
            assert 0.04 < (ink > 128).mean() < 1.0 or c in "I1", c


@pytest.mark.parametrize(("one", "other"), ["OQ", "OD", "CG", "B8", "5S", "2Z", "PR"])
def test_characters_differ(one: str, other: str):
    wide = max(die().stamp(c, 60).shape[1] for c in (one, other))
    inks = [np.pad(ink, ((0, 0), (0, wide - ink.shape[1]))) for ink in (die().stamp(c, 60) for c in (one, other))]
    differing = (np.abs(inks[0].astype(int) - inks[1]) > 128).mean()
    assert differing > 0.015, "more than a speck"


def test_round_letters_are_as_round_above_as_below():
    ink = die().stamp("O", 90).astype(int)
    assert np.abs(ink - ink[::-1]).mean() < 12
    assert np.abs(ink - ink[:, ::-1]).mean() < 12


def test_serifs_contrast_and_slant_show():
    plain, foot = die().stamp("H", 90), die(serifs=True, contrast=2.0).stamp("H", 90)
    assert foot.shape[1] > plain.shape[1], "feet need room"
    bar = slice(plain.shape[1] // 2 - 3, plain.shape[1] // 2 + 3)
    middle = slice(foot.shape[1] // 2 - 3, foot.shape[1] // 2 + 3)
    assert (foot[20:70, middle] > 128).sum() < (plain[20:70, bar] > 128).sum(), "what lies across is thinner"
    leaning = die(slant=0.3).stamp("I", 90)
    top, low = (np.flatnonzero(leaning[row] > 128).mean() for row in (12, 78))
    assert top - low == pytest.approx(0.3 * 66, abs=3)


def test_a_country_has_its_own():
    rng = random.Random(3)
    assert sum(cut_die("ar", rng).forms["I"] == WITH_SERIFS for _ in range(60)) > 35
    assert not any(cut_die("gb", rng).forms["I"] == WITH_SERIFS for _ in range(60))
    assert any(cut_die("pk", rng).serifs for _ in range(60))
