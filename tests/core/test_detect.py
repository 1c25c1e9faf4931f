"""Detector kinds and the suppression of overlaps, against numpy."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import core_rs
from tests.core import models
from tests.core.pictures import encoded, noise

Boxes = npt.NDArray[np.float64]
ALL = core_rs.Options(threshold_d=0.0, threshold_o=0.0, max_plates=100_000)


def plates(pack: Path, image: bytes, options: core_rs.Options = ALL) -> list[core_rs.PlateReading]:
    [answer] = core_rs.Engine(pack).recognise([image], [options])
    assert isinstance(answer, core_rs.ImageReading), answer
    return answer.plates


def greedy(boxes: Boxes, scores: Boxes, limit: float) -> list[int]:
    """Textbook suppression: take the best, drop what overlaps it by more than `limit`, go on."""
    order = list(np.argsort(-scores, kind="stable"))
    kept = []
    while order:
        best = order.pop(0)
        kept.append(best)
        order = [other for other in order if overlap(boxes[best], boxes[other]) <= limit]
    return kept


def overlap(a: Boxes, b: Boxes) -> float:
    w = min(a[2], b[2]) - max(a[0], b[0])
    h = min(a[3], b[3]) - max(a[1], b[1])
    if w <= 0 or h <= 0:
        return 0.0
    area = w * h
    return float(area / ((a[2] - a[0]) * (a[3] - a[1]) + (b[2] - b[0]) * (b[3] - b[1]) - area))


@pytest.mark.parametrize("limit", [0.3, 0.5, 0.8])
def test_suppression_against_numpy(tmp_path: Path, limit: float) -> None:
    side = 32
    pixels = noise(side, side, seed=5)
    fit = f'fit = "letterbox", width = {side}, height = {side}'
    pack = models.write_pack(
        tmp_path, models.echo_toml(tmp_path, fit, nms_iou=limit, scale=9.0), models.stripe_toml(tmp_path)
    )
    y, x = np.mgrid[0:side, 0:side] + 0.5
    red, green, blue = (pixels[:, :, n] / 255.0 for n in range(3))
    far, deep = 9 * green, 9 * blue
    boxes = np.clip(np.stack([x - far, y - deep, x + far, y + deep], axis=-1).reshape(-1, 4), 0, side)
    scores = red.reshape(-1)
    whole = (boxes[:, 2] - boxes[:, 0] >= 1) & (boxes[:, 3] - boxes[:, 1] >= 1)
    boxes, scores = boxes[whole], scores[whole]
    expected = greedy(boxes, scores, limit)

    found = plates(pack, encoded(pixels))
    assert len(found) == len(expected)
    got = sorted((round(p.dscore, 4), *np.round(p.box, 2)) for p in found)
    wanted = sorted((round(scores[n], 4), *np.round(boxes[n], 2)) for n in expected)
    assert np.allclose(got, wanted, atol=0.02)


def test_end2end_boxes_come_back_through_the_letterbox(tmp_path: Path) -> None:
    # 400 x 200 in 416 x 416: scale 1.04, 104 rows of padding above.
    pack = models.write_pack(
        tmp_path, models.end2end_toml(tmp_path, [[104, 156, 208, 208, 0.75]]), models.stripe_toml(tmp_path)
    )
    [found] = plates(pack, encoded(noise(400, 200)))
    assert found.box == pytest.approx((100, 50, 200, 100), abs=0.01)
    assert found.dscore == pytest.approx(0.75)
    assert found.corners is None


def test_boxes_are_kept_inside_the_picture(tmp_path: Path) -> None:
    boxes = [[-50, -50, 500, 500, 0.9], [0, 0, 416, 100, 0.8], [10, 300, 5, 310, 0.7], [300, 300, 300.2, 310, 0.6]]
    pack = models.write_pack(tmp_path, models.end2end_toml(tmp_path, boxes), models.stripe_toml(tmp_path))
    found = plates(pack, encoded(noise(400, 200)))
    # The second lies in the padding alone, the third is inside out, the last thinner than a pixel.
    assert [p.box for p in found] == [(0, 0, 400, 200)]


@pytest.mark.parametrize("wrong", [float("nan"), float("inf"), -float("inf"), 1e30])
def test_meaningless_numbers_are_no_plates(tmp_path: Path, wrong: float) -> None:
    boxes = [[wrong, 150, 200, 200, 0.9], [10, 150, 200, 200, float("nan")], [100, 150, 200, 200, 0.8]]
    pack = models.write_pack(tmp_path, models.end2end_toml(tmp_path, boxes), models.stripe_toml(tmp_path))
    found = plates(pack, encoded(noise(400, 200)))
    assert all(0 <= p.box[0] < p.box[2] <= 400 and 0 <= p.dscore <= 1 for p in found)
    assert pytest.approx(0.8) in [p.dscore for p in found]


def test_yolox_grids_are_decoded(tmp_path: Path) -> None:
    pack = models.write_pack(tmp_path, models.yolox_toml(tmp_path), models.stripe_toml(tmp_path))
    pixels = np.zeros((64, 64, 3), np.uint8)
    pixels[16:24, 40:48] = (255, 0, 0)
    pixels[48:56, 8:16] = (0, 0, 128)
    found = plates(pack, encoded(pixels), core_rs.Options(threshold_d=0.3, threshold_o=0.0))
    assert [p.box for p in found] == [
        pytest.approx((32, 12, 56, 28), abs=0.01),
        pytest.approx((0, 44, 24, 60), abs=0.01),
    ]
    assert [p.dscore for p in found] == [pytest.approx(1.0), pytest.approx(128 / 255, abs=1e-3)]


def test_classes_do_not_suppress_each_other(tmp_path: Path) -> None:
    pack = models.write_pack(tmp_path, models.yolox_toml(tmp_path), models.stripe_toml(tmp_path))
    pixels = np.zeros((64, 64, 3), np.uint8)
    pixels[16:24, 32:40] = (255, 0, 0)
    pixels[16:24, 40:48] = (0, 0, 255)
    options = core_rs.Options(threshold_d=0.3, threshold_o=0.0)
    assert len(plates(pack, encoded(pixels), options)) == 2


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(width=st.integers(8, 700), height=st.integers(8, 700))
def test_any_size_of_picture_gives_boxes_inside_it(engine: core_rs.Engine, width: int, height: int) -> None:
    pixels = np.zeros((height, width, 3), np.uint8)
    pixels[height // 4 :, width // 4 :] = (255, 0, 0)
    [answer] = engine.recognise([encoded(pixels, compress_level=1)], [core_rs.Options(threshold_o=0.0)])
    assert isinstance(answer, core_rs.ImageReading)
    assert (answer.width, answer.height) == (width, height)
    for plate in answer.plates:
        x1, y1, x2, y2 = plate.box
        assert 0 <= x1 < x2 <= width
        assert 0 <= y1 < y2 <= height
