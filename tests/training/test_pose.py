"""Poses of drawn plates: what yaw, pitch and roll do to the corners."""

import random

import numpy as np
import pytest

from training.synthetic import pose

FAR = 1e6  # plate widths: no perspective left


def edges(corners: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The upper and the left edge, as vectors."""
    return corners[1] - corners[0], corners[3] - corners[0]


def test_a_plate_seen_straight_is_a_rectangle() -> None:
    corners = pose.corners(4, 200, (0, 0, 0), FAR)
    assert corners == pytest.approx(np.array([[-100, -25], [100, -25], [100, 25], [-100, 25]]), abs=1e-2)


def test_from_above_and_aside_it_slopes_and_its_upright_edges_stay_upright() -> None:
    upper, left = edges(pose.corners(4, 200, (45, 30, 0), FAR))
    assert upper[1] / upper[0] == pytest.approx(-np.sin(np.deg2rad(30)), abs=1e-3)
    assert left[0] == pytest.approx(0, abs=1e-2)
    assert left[1] == pytest.approx(50 * np.cos(np.deg2rad(30)), abs=1e-2)


def test_rolled_it_stays_a_rectangle() -> None:
    upper, left = edges(pose.corners(4, 200, (0, 0, 30), FAR))
    assert upper @ left == pytest.approx(0, abs=1e-1)
    assert upper[1] / upper[0] == pytest.approx(np.tan(np.deg2rad(30)), abs=1e-3)


def test_its_nearer_end_is_higher() -> None:
    corners = pose.corners(4, 200, (40, 0, 0), 3)
    assert np.linalg.norm(corners[3] - corners[0]) > np.linalg.norm(corners[2] - corners[1])


def test_turns_are_mostly_small_and_some_are_oblique() -> None:
    rng = random.Random(5)
    turns = np.array([pose.turned(rng, 50) for _ in range(2000)])
    assert (np.abs(turns[:, 0]) <= 50).all()
    slopes = np.abs(np.tan(np.deg2rad(turns[:, 0])) * np.sin(np.deg2rad(turns[:, 1])))
    assert np.median(slopes) < 0.07
    assert 0.05 < (slopes > 0.2).mean() < 0.25
