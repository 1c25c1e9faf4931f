"""A reading's score is raised to the chance of being right, by the weights of the pack's `plate_reader.score`."""

from __future__ import annotations

import math
from pathlib import Path

import pytest

import core_rs
from tests.core import models
from tests.core.pictures import encoded
from tests.core.test_templates import doubtful


def read(folder: Path, weights: str = "") -> core_rs.PlateReading:
    """A plate whose last character is unsure, as a pack with these weights reads it."""
    folder.mkdir()
    more = f"score = {{ weights = {weights} }}" if weights else ""
    reader = models.stripe_toml(folder, more=more)
    engine = core_rs.Engine(models.write_pack(folder, models.marker_toml(folder), reader))
    [answer] = engine.read_crops([encoded(doubtful("AB12?"))])
    assert isinstance(answer, core_rs.ImageReading), answer
    return answer.plates[0]


def test_the_weights_raise_a_score(tmp_path: Path) -> None:
    plain, raised = read(tmp_path / "plain"), read(tmp_path / "raised", "[2.0, -1.0]")
    logit = 2.0 * math.log(plain.score / (1 - plain.score)) - 1.0
    assert raised.score == pytest.approx(1 / (1 + math.exp(-logit)), abs=1e-4)
    assert raised.score > plain.score
    assert raised.candidates[0] == (raised.text, raised.score)
    assert [text for text, _ in raised.candidates] == [text for text, _ in plain.candidates]
    assert raised.char_scores == plain.char_scores


def test_a_score_is_never_lowered(tmp_path: Path) -> None:
    plain, kept = read(tmp_path / "plain"), read(tmp_path / "kept", "[1.0, -3.0]")
    assert (kept.score, kept.candidates) == (plain.score, plain.candidates)


@pytest.mark.parametrize("weights", ["[0.0, 1.0]", "[-1.0, 1.0]", "[inf, 0.0]", "[1.0, nan]", "[1.0]"])
def test_wrong_weights_are_named(tmp_path: Path, weights: str) -> None:
    with pytest.raises(core_rs.PackError, match=r"score\.weights|array of length 2"):
        read(tmp_path / "wrong", weights)
