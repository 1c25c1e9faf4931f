"""The reader's opinion of a plate weighs in its detection score."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import core_rs
from tests.core import models
from tests.core.pictures import Pixels, encoded, scene

EVEN = 'name = "plate", weights = [1.0, 1.0, 0.0]'


def judged(opinion: float, red: int = 128) -> Pixels:
    """A plate that the detector scores by `red` over 255 and the reader by `opinion`."""
    pixels = scene({(64, 96): "AB1"})
    plate = pixels[96:160, 64:224]
    plate[:, -16:] = round(255 * opinion)
    plate[(plate[..., 0] == 255) & (plate[..., 1] == 0)] = (red, 0, 0)
    return pixels


def engine(folder: Path, judgement: str = EVEN) -> core_rs.Engine:
    pack = models.write_pack(folder, models.marker_toml(folder), models.judging_toml(folder, judgement))
    return core_rs.Engine(pack)


def plates(engine: core_rs.Engine, pixels: Pixels, threshold_d: float = 0.2) -> list[core_rs.PlateReading]:
    [answer] = engine.recognise([encoded(pixels)], [core_rs.Options(threshold_d=threshold_d, threshold_o=0.0)])
    assert isinstance(answer, core_rs.ImageReading)
    return answer.plates


@pytest.mark.parametrize("opinion", [0.9, 0.5, 0.3])
def test_the_logits_of_both_scores_add_up(tmp_path: Path, opinion: float) -> None:
    [plate] = plates(engine(tmp_path), judged(opinion))
    assert plate.plate_score == pytest.approx(opinion, abs=0.01)
    # The detector says 0.5, whose logit is 0: the reader alone decides.
    assert plate.dscore == pytest.approx(opinion, abs=0.02)


def test_a_doubtful_one_falls_under_the_threshold(tmp_path: Path) -> None:
    assert plates(engine(tmp_path), judged(0.1)) == []


def test_a_confirmed_one_rises_over_the_threshold(tmp_path: Path) -> None:
    pack = engine(tmp_path)
    assert len(plates(pack, judged(0.95), threshold_d=0.8)) == 1
    assert plates(pack, judged(0.6), threshold_d=0.8) == []


def test_what_is_under_the_floor_is_not_read(tmp_path: Path) -> None:
    assert plates(engine(tmp_path, f"{EVEN}, floor = 0.7"), judged(0.95), threshold_d=0.8) == []


def test_plates_come_by_the_score_of_both(tmp_path: Path) -> None:
    pixels = scene({(0, 0): "AB1", (160, 100): "CD2"})
    pixels[0:64, 144:160] = 60
    pixels[100:164, 304:320] = 250
    found = plates(engine(tmp_path, 'name = "plate", weights = [0.5, 1.0, 0.0]'), pixels, threshold_d=0.1)
    assert [plate.text[:3] for plate in found] == ["CD2", "AB1"]
    assert found[0].dscore > found[1].dscore


def test_a_pack_without_an_opinion_keeps_the_detectors_score(tiny: Path) -> None:
    [plate] = plates(core_rs.Engine(tiny), judged(0.0))
    assert plate.plate_score is None
    assert plate.dscore == pytest.approx(128 / 255, abs=0.02)


@pytest.mark.parametrize(
    ("judgement", "told"),
    [
        ('name = "nothing", weights = [1.0, 1.0, 0.0]', "plate.name"),
        ('name = "plate", weights = [1.0, inf, 0.0]', "plate.weights"),
        ('name = "plate", weights = [1.0, 1.0]', "weights"),
        (f"{EVEN}, floor = 1.5", "plate.floor"),
    ],
)
def test_a_wrong_field_is_named(tmp_path: Path, judgement: str, told: str) -> None:
    with pytest.raises(core_rs.PackError, match=told):
        engine(tmp_path, judgement)


def test_crops_keep_the_score_of_a_whole_picture(tmp_path: Path) -> None:
    [answer] = engine(tmp_path).read_crops([encoded(np.ascontiguousarray(judged(0.3)[96:160, 64:224]))])
    assert isinstance(answer, core_rs.ImageReading)
    [plate] = answer.plates
    assert plate.dscore == 1.0
    assert plate.plate_score == pytest.approx(0.3, abs=0.01)
