"""Reader kinds, rectification and the scores of readings."""

from __future__ import annotations

import itertools
from pathlib import Path

import numpy as np
import pytest

import core_rs
from tests.core import models
from tests.core.models import ALPHABET, COLUMNS, shade
from tests.core.pictures import STRIPE, Pixels, encoded, plate, scene


def crop(engine: core_rs.Engine, pixels: Pixels, **options: int) -> core_rs.PlateReading:
    [answer] = engine.read_crops([encoded(pixels)], [core_rs.Options(**options)])  # type: ignore[arg-type]
    assert isinstance(answer, core_rs.ImageReading), answer
    return answer.plates[0]


def striped(shades: list[int]) -> Pixels:
    pixels = plate("")
    for at, value in enumerate(shades):
        pixels[:24, at * STRIPE : (at + 1) * STRIPE] = value
    return pixels


@pytest.mark.parametrize("text", ["A", "AB12CDE", "0123456789", "Z9Y8X7W6V5"])
def test_texts_of_one_to_ten_letters(engine: core_rs.Engine, text: str) -> None:
    assert crop(engine, plate(text)).text == text


def test_a_letter_twice_needs_a_gap(engine: core_rs.Engine) -> None:
    assert crop(engine, striped([shade("A"), shade("A"), 0, shade("A")])).text == "AA"


def test_nothing_written_is_no_text(engine: core_rs.Engine) -> None:
    found = crop(engine, plate(""))
    assert (found.text, found.score, found.candidates, found.char_scores) == ("", 0.0, [], [])


@pytest.mark.parametrize("blank", [0, 18, 36])
def test_any_class_can_be_blank(tmp_path: Path, blank: int) -> None:
    pack = models.write_pack(tmp_path, models.marker_toml(tmp_path), models.stripe_toml(tmp_path, blank))
    assert crop(core_rs.Engine(pack), plate("AZ09")).text == "AZ09"


def test_ctc_scores_are_sums_over_all_alignments(engine: core_rs.Engine) -> None:
    # Two stripes between shades, the rest blank: few enough alignments to add them all up.
    values = [75, 0, 78] + [0] * 7
    found = crop(engine, striped(values), max_candidates=16)
    levels = np.array([0.0] + [(n + 1) / 36 for n in range(36)])
    logits = -20000.0 * (np.array(values)[:, None] / 255 - levels) ** 2
    steps = np.exp(logits - logits.max(axis=1, keepdims=True))
    steps /= steps.sum(axis=1, keepdims=True)
    likely = [[c for c in range(37) if row[c] > 1e-7] for row in steps]
    totals: dict[str, float] = {}
    for path in itertools.product(*likely):
        probability = float(np.prod([steps[t, c] for t, c in enumerate(path)]))
        letters = [c for c, _ in itertools.groupby(path) if c]
        text = "".join(ALPHABET[c - 1] for c in letters)
        totals[text] = totals.get(text, 0.0) + probability
    best = max(totals, key=lambda text: totals[text])
    assert found.text == best
    for text, score in found.candidates[:3]:
        assert score == pytest.approx(totals[text] ** (1 / len(best)), abs=2e-3)


def test_slots_are_read_and_scored(tmp_path: Path) -> None:
    pack = models.write_pack(tmp_path, models.marker_toml(tmp_path), models.slot_toml(tmp_path))
    engine = core_rs.Engine(pack)
    assert crop(engine, plate("AA11BB")).text == "AA11BB"
    unsure = crop(engine, striped([75, shade("9")]), max_candidates=4)
    assert unsure.text[1] == "9"
    scores = [score for _, score in unsure.candidates]
    assert scores == sorted(scores, reverse=True)
    assert unsure.score == pytest.approx(np.sqrt(unsure.char_scores[0] * unsure.char_scores[1]), abs=1e-2)
    assert unsure.region is None


def test_char_scores_point_at_the_unsure_letter(engine: core_rs.Engine) -> None:
    found = crop(engine, striped([shade("K"), 75, shade("Z")]))
    assert len(found.char_scores) == 3
    assert min(found.char_scores) == found.char_scores[1] < 0.95


def test_a_turned_plate_is_rectified_by_its_corners(tmp_path: Path) -> None:
    # A detector whose corners say that the plate stands on its head: the reader must see it upright.
    path = tmp_path / "detector.onnx"
    upright, turned = list(models.CORNERS), models.CORNERS[4:] + models.CORNERS[:4]
    found = []
    for corners in (upright, turned):
        models.CORNERS[:] = corners
        try:
            detector = models.marker_toml(tmp_path)
        finally:
            models.CORNERS[:] = upright
        assert path.exists()
        pixels = scene({(64, 96): "AB1CD2EF34"})
        if corners == turned:
            pixels[96:160, 64:224] = pixels[96:160, 64:224][::-1, ::-1]
        engine = core_rs.Engine(models.write_pack(tmp_path, detector, models.stripe_toml(tmp_path)))
        [answer] = engine.recognise([encoded(pixels)])
        assert isinstance(answer, core_rs.ImageReading)
        found.append([p.text for p in answer.plates])
    assert found == [["AB1CD2EF34"], ["AB1CD2EF34"]]


def test_the_margins_widen_the_cut(tmp_path: Path) -> None:
    # The box covers the middle 60 % of a plate that fills the picture; margins of a third bring the rest back.
    text = "AB1CD2EF34"
    boxes = [[32, 0, 128, 64, 0.9]]
    fit = 'fit = "letterbox", width = 160, height = 160, placement = "top-left"'
    detector = models.end2end_toml(tmp_path, boxes, side=160).replace(
        'fit = "letterbox", width = 160, height = 160', fit
    )
    found = []
    for margin in (0.0, 1 / 3):
        reader = models.slot_toml(tmp_path) + f"crop = {{ margin_x = {margin}, margin_y = 0.0 }}\n"
        engine = core_rs.Engine(models.write_pack(tmp_path, detector, reader))
        [answer] = engine.recognise([encoded(plate(text))], [core_rs.Options(threshold_o=0.0)])
        assert isinstance(answer, core_rs.ImageReading)
        found.append(answer.plates[0].text)
    assert found[0] != text
    assert found[1] == text


def test_a_plate_that_is_not_read_surely_is_cut_again(tmp_path: Path) -> None:
    # The box covers the middle 60 % of the plate, and only further cuts see the rest.
    text = "AB1CD2EF34"
    detector = models.end2end_toml(tmp_path, [[32, 0, 128, 64, 0.9]], side=160)
    detector = detector.replace("height = 160", 'height = 160, placement = "top-left"')

    def read(low: float, high: float, mode: str) -> str:
        reread = (
            f"reread = {{ between = [{low}, {high}], margins = [[0.3333, 0.0], [0.3333, 0.01], [0.3333, 0.02]] }}\n"
        )
        engine = core_rs.Engine(models.write_pack(tmp_path, detector, models.slot_toml(tmp_path) + reread))
        options = core_rs.Options(threshold_o=0.0, mode=mode)  # type: ignore[arg-type]
        [answer] = engine.recognise([encoded(plate(text))], [options])
        assert isinstance(answer, core_rs.ImageReading)
        return answer.plates[0].text

    assert read(0.0, 1.0, "default") == text
    first = read(0.0, 1.0, "fast")
    assert first != text
    assert read(0.0, 0.0, "default") == read(1.0, 1.0, "default") == first


def test_where_corners_cut_characters_off_the_box_has_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # The corners hold the right half of the plate, the box all of it.
    text = "AB1CD2EF34"
    monkeypatch.setattr(models, "CORNERS", [0.0, *models.CORNERS[1:6], 0.0, models.CORNERS[7]])
    detector = models.marker_toml(tmp_path)

    def read(reread: str) -> str:
        engine = core_rs.Engine(models.write_pack(tmp_path, detector, models.slot_toml(tmp_path) + reread))
        [answer] = engine.recognise([encoded(scene({(64, 96): text}))], [core_rs.Options(threshold_o=0.0)])
        assert isinstance(answer, core_rs.ImageReading)
        return answer.plates[0].text

    assert read("") != text
    assert read("reread = { between = [0.0, 1.0], margins = [[0.0, 0.0]] }\n") == text


def test_every_letter_has_its_own_shade() -> None:
    assert len({shade(letter) for letter in ALPHABET}) == len(ALPHABET)
    assert models.PLATE[0] == COLUMNS * STRIPE
