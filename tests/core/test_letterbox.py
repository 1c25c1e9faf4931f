"""What the letterbox makes of a picture, pixel by pixel, against numpy."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import numpy as np
import numpy.typing as npt
import pytest

import core_rs
from tests.core import models
from tests.core.pictures import Pixels, encoded, noise

Plane = npt.NDArray[np.float64]
Mode = Literal["default", "fast", "redaction"]


def linear(plane: Plane, width: int, height: int) -> Plane:
    """Two by two interpolation with pixel centres at halves, edges repeated: OpenCV's INTER_LINEAR."""

    def places(target: int, source: int) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64], Plane]:
        at = np.clip((np.arange(target) + 0.5) * source / target - 0.5, 0, source - 1)
        low = np.floor(at).astype(np.int64)
        return low, np.minimum(low + 1, source - 1), at - low

    y0, y1, fy = places(height, plane.shape[0])
    x0, x1, fx = places(width, plane.shape[1])
    rows = plane[y0] * (1 - fy)[:, None] + plane[y1] * fy[:, None]
    return rows[:, x0] * (1 - fx) + rows[:, x1] * fx


def echo(pack: Path, pixels: Pixels, input_: str, mode: Mode = "default") -> dict[tuple[float, float], float]:
    """Centre of each cell in the picture's own pixels -> the red sample that the network saw there."""
    engine = core_rs.Engine(
        models.write_pack(pack, models.echo_toml(pack, input_, scale=3.0), models.stripe_toml(pack))
    )
    options = core_rs.Options(threshold_d=0.0, threshold_o=0.0, max_plates=100_000, mode=mode)
    [answer] = engine.recognise([encoded(pixels)], [options])
    assert isinstance(answer, core_rs.ImageReading), answer
    return {
        (round((p.box[0] + p.box[2]) / 2, 2), round((p.box[1] + p.box[3]) / 2, 2)): p.dscore * 255
        for p in answer.plates
    }


def picture(width: int, height: int) -> Pixels:
    """Noise in red; green and blue full, so that every cell has a box of some size around its centre."""
    pixels = noise(width, height)
    pixels[:, :, 1:] = 255
    return pixels


@pytest.mark.parametrize(
    ("width", "height", "inner"),
    [(96, 64, (48, 32)), (64, 96, (32, 48)), (100, 63, (48, 30)), (48, 48, (48, 48)), (31, 20, (48, 31))],
)
@pytest.mark.parametrize(
    ("fit", "placement"),
    [
        ('fit = "letterbox", width = 48, height = 48', "centre"),
        ('fit = "letterbox", width = 48, height = 48', "top-left"),
        ('fit = "letterbox-dynamic", max_side = 48, multiple = 16', "centre"),
    ],
)
def test_pixels_are_within_one_of_numpy(
    tmp_path: Path, width: int, height: int, inner: tuple[int, int], fit: str, placement: str
) -> None:
    pixels = picture(width, height)
    seen = echo(tmp_path, pixels, f'{fit}, placement = "{placement}"')
    expected = linear(pixels[:, :, 0].astype(float), *inner)
    # Boxes are 6 input pixels wide around the cell's centre; those clipped by the picture's edge have another centre.
    for y in range(4, inner[1] - 4):
        for x in range(4, inner[0] - 4):
            centre = round((x + 0.5) * width / inner[0], 2), round((y + 0.5) * height / inner[1], 2)
            assert seen[centre] == pytest.approx(expected[y, x], abs=1.01)


def test_antialias_averages_what_linear_skips(tmp_path: Path) -> None:
    pixels = np.full((256, 256, 3), 255, np.uint8)
    pixels[:, :, 0] = np.where(np.arange(256) % 4 < 2, 0, 200)
    fit = 'fit = "letterbox", width = 32, height = 32'
    smooth = echo(tmp_path, pixels, f'{fit}, resample = "antialias"')
    assert all(85 <= value <= 115 for (x, y), value in smooth.items() if 40 < x < 216 and 40 < y < 216)


def test_fast_sees_a_smaller_picture_where_the_pack_names_a_size(tmp_path: Path) -> None:
    pixels = picture(96, 64)
    cases: list[tuple[str, Mode, int, int]] = [
        ("", "fast", 48, 32),
        (", fast_max_side = 24", "default", 48, 32),
        (", fast_max_side = 24", "redaction", 48, 32),
        (", fast_max_side = 24", "fast", 24, 16),
    ]
    for named, mode, width, height in cases:
        input_ = f'fit = "letterbox-dynamic", max_side = 48, multiple = 8{named}'
        assert len(echo(tmp_path, pixels, input_, mode)) == width * height
