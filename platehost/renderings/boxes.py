"""Boxes as whole pixels that lie inside their picture: clients crop with them."""

from __future__ import annotations

from platehost.reading import Box


def whole_pixels(box: Box, width: int, height: int) -> tuple[int, int, int, int]:
    """xmin, ymin, xmax, ymax with 0 <= min < max <= side; at least one pixel wide and high."""
    xmin, xmax = _span(box[0], box[2], width)
    ymin, ymax = _span(box[1], box[3], height)
    return xmin, ymin, xmax, ymax


def _span(low: float, high: float, side: int) -> tuple[int, int]:
    first = min(max(round(low), 0), max(side - 1, 0))
    return first, min(max(round(high), first + 1), max(side, 1))
