"""Training pictures of the detector."""

import numpy as np
import pytest

from training.detector.compose import CUT_INTO, View, clip, close_up


def view(box: tuple[float, float, float, float], side: int = 200) -> View:
    x1, y1, x2, y2 = box
    corners = np.array([[x1, y1 + 5, x2, y1, x2, y2 - 5, x1, y2]], np.float32)
    nothing = [np.zeros((0, 4), np.float32) for _ in range(3)]
    return View(np.zeros((side, side, 3), np.uint8), np.array([box], np.float32), corners, *nothing)


@pytest.mark.parametrize(
    ("left", "boxes", "told"),
    [
        pytest.param(10.0, 1, True, id="whole"),
        pytest.param(-30.0, 1, True, id="70 of 100 pixels seen"),
        pytest.param(-38.0, 1, False, id="62 of 100"),
        pytest.param(-60.0, 0, False, id="40 of 100"),
    ],
)
def test_corners_of_a_plate_that_the_edge_cuts_lie_outside(left: float, boxes: int, told: bool):
    clipped = clip(view((left, 80, left + 100, 120)))
    assert len(clipped.boxes) == boxes
    if boxes:
        assert clipped.boxes[0, 0] == max(0, left), "the box ends where the picture does"
        assert np.isnan(clipped.corners).any() == (not told)
        assert not told or clipped.corners[0, 0] == left
    assert len(clipped.ignore) == 1 - boxes


def test_some_close_ups_end_within_the_plate():
    rng = np.random.default_rng(4)
    inside = 0
    for _ in range(200):
        close = close_up(view((50, 80, 150, 120)), rng)
        assert len(close.boxes) == 1
        low = close.boxes[0, 3]
        corners = close.corners[0].reshape(4, 2)
        inside += bool((corners[:, 1].min() < -2) or (corners[:, 1].max() > low + 2))
    assert 0.05 * 200 < inside < 2 * CUT_INTO * 200
