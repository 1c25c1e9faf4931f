"""A bar plot as coordinates: the template draws them, so that a plot needs no script."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

WIDTH = 720.0
HEIGHT = 200.0
_LEFT = 44.0
_BOTTOM = 22.0
_TOP = 8.0
_GAP = 0.28
_LABELS = 8


@dataclass(frozen=True)
class Bar:
    """One bar, in the plot's own units; `label` is empty where there is no room for it."""

    x: float
    y: float
    width: float
    height: float
    name: str
    count: int
    label: str
    middle: float


@dataclass(frozen=True)
class Plot:
    """Bars and the lines behind them, as (y, count)."""

    bars: Sequence[Bar]
    lines: Sequence[tuple[float, int]]
    width: float = WIDTH
    height: float = HEIGHT
    left: float = _LEFT

    @property
    def total(self) -> int:
        return sum(bar.count for bar in self.bars)

    @property
    def most(self) -> Bar | None:
        return max(self.bars, key=lambda bar: bar.count, default=None)


def bars(counts: Sequence[tuple[str, int]]) -> Plot:
    """A plot of named counts, the first at the left."""
    top = _rounded(max((count for _, count in counts), default=0))
    room = HEIGHT - _TOP - _BOTTOM
    step = (WIDTH - _LEFT) / max(1, len(counts))
    every = -(-len(counts) // _LABELS)
    drawn = []
    for place, (name, count) in enumerate(counts):
        height = room * count / top
        x = _LEFT + place * step
        # Labels count from the last bar, which is now.
        label = name if (len(counts) - 1 - place) % every == 0 else ""
        drawn.append(
            Bar(
                round(x + step * _GAP / 2, 2),
                round(HEIGHT - _BOTTOM - height, 2),
                round(step * (1 - _GAP), 2),
                round(height, 2),
                name,
                count,
                label,
                round(x + step / 2, 2),
            )
        )
    fractions = (0, 0.5, 1) if top > 1 else (0, 1)
    lines = [(round(HEIGHT - _BOTTOM - room * part, 2), round(top * part)) for part in fractions]
    return Plot(drawn, lines)


def _rounded(most: int) -> int:
    """The next number above that reads well at the top of a scale and halves into another."""
    if most <= 1:
        return 1
    size = 1
    while True:
        for step in (2, 4, 6, 10):
            if most <= step * size:
                return step * size
        size *= 10
