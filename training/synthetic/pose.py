"""How a flat plate stands to the camera, and where its corners then are."""

from typing import Protocol

import numpy as np
from numpy.typing import NDArray

OBLIQUE = (
    0.2  # share of plates that a camera sees from above and aside: their upright edges stay upright, and they slope
)


class Chance(Protocol):
    """What `random.Random` and `numpy.random.Generator` have in common here."""

    def random(self) -> float: ...
    def uniform(self, low: float, high: float, /) -> float: ...


def turned(rng: Chance, aside: float) -> tuple[float, float]:
    """Yaw and pitch in degrees; mostly little of both, and hardly more than `aside` degrees of yaw."""
    if rng.random() < OBLIQUE:
        return rng.uniform(-aside, aside), rng.uniform(10, 35) * (1 if rng.random() < 0.8 else -1)
    # A sum of three is nearly normal, here with a deviation of 13.
    return rng.uniform(-aside, aside) * rng.random(), sum(rng.uniform(-13, 13) for _ in range(3))


def corners(aspect: float, width: float, turn: tuple[float, float, float], distance: float) -> NDArray[np.float64]:
    """Corners [4, 2] about the origin, clockwise from top left, of a plate `width` pixels wide and `distance` of its
    widths away. turn: degrees of yaw about its upright axis, of pitch (seen from above) and of roll.
    """
    yaw, pitch, roll = np.deg2rad(turn)
    x, y = np.array([-1, 1, 1, -1]) * width / 2, np.array([-1, -1, 1, 1]) * width / aspect / 2
    x, z = x * np.cos(yaw), x * np.sin(yaw)
    y, z = y * np.cos(pitch) - z * np.sin(pitch), y * np.sin(pitch) + z * np.cos(pitch)
    near = 1 + z / (width * distance)
    x, y = x / near, y / near
    return np.stack([x * np.cos(roll) - y * np.sin(roll), x * np.sin(roll) + y * np.cos(roll)], 1)
