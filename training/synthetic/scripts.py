"""Plates whose main text is in another script: the reader gives no text of them, but they are plates all the same.

Strokes stand for the script: what a detector sees from some way off is where they are and how thick, not which. The
digits are those of Egypt and the Gulf, as plain polylines.
"""

import random
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw

from training.synthetic.colours import RGB, any_colour, jittered
from training.synthetic.lettering import Box, Letterer
from training.synthetic.plate import HEIGHT
from training.synthetic.typefaces import Typefaces

Stroke = list[tuple[float, float]]  # x, y from the top left of a unit square
RING: Stroke = [(0.5 + 0.3 * float(np.cos(t)), 0.5 + 0.35 * float(np.sin(t))) for t in np.linspace(0, 6.3, 13)]
SMALL_RING: Stroke = [(0.5 + 0.2 * float(np.cos(t)), 0.22 + 0.2 * float(np.sin(t))) for t in np.linspace(0, 6.3, 11)]
DIGITS: list[list[Stroke]] = [
    [[(0.45, 0.45), (0.55, 0.45), (0.55, 0.55), (0.45, 0.55), (0.45, 0.45)]],
    [[(0.5, 0), (0.5, 1)]],
    [[(0.3, 1), (0.3, 0), (0.4, 0.25), (0.75, 0.25), (0.78, 0)]],
    [[(0.25, 1), (0.25, 0), (0.4, 0.25), (0.52, 0.05), (0.65, 0.25), (0.8, 0)]],
    [[(0.75, 0), (0.3, 0.2), (0.65, 0.45), (0.25, 0.75), (0.75, 1)]],
    [RING],
    [[(0.2, 0.1), (0.7, 0.1), (0.7, 1)]],
    [[(0.15, 0), (0.5, 1), (0.85, 0)]],
    [[(0.15, 1), (0.5, 0), (0.85, 1)]],
    [SMALL_RING, [(0.7, 0.22), (0.7, 1)]],
]
BLUES: list[RGB] = [(30, 130, 200), (40, 90, 170)]
BAR_SHADES: list[RGB] = [*BLUES, (210, 60, 50), (230, 140, 40), (60, 140, 80), (150, 150, 150)]
BOLT_SHADES: list[RGB] = [(190, 190, 190), (60, 60, 60), (200, 170, 140)]


class ScriptMaker:
    """Draws plates of other scripts without end. Raises FileNotFoundError where the typefaces are missing."""

    def __init__(self, fonts: Path, seed: int) -> None:
        self.rng = random.Random(seed)
        self.letterer = Letterer(Typefaces(fonts, self.rng), self.rng)

    def make(self) -> np.ndarray:
        """A plate, uint8 BGR [112, w, 3], cut at its edge."""
        rng = self.rng
        kind = rng.choice(["halves", "halves", "square", "square", "square", "band", "quarters"])
        # Motorcycles' are as high as wide or higher.
        aspect = {"halves": rng.uniform(1.9, 2.7), "square": rng.uniform(0.78, 1.25)}.get(kind, rng.uniform(1.8, 4.2))
        width = int(HEIGHT * aspect)
        dark = rng.random() < 0.1
        ground: RGB = (25, 25, 28) if dark else rng.choice([(238, 238, 236)] * 4 + [(235, 200, 60)])
        ink: RGB = (235, 235, 235) if dark else (20, 20, 24)
        picture = Image.new("RGB", (width, HEIGHT), jittered(ground, 8, rng))
        draw = ImageDraw.Draw(picture)
        thick = max(3, int(HEIGHT * rng.uniform(0.045, 0.085)))
        if kind == "band":
            draw.rectangle((0, 0, width * 0.1, HEIGHT), fill=rng.choice(BAR_SHADES))
            self._line(draw, rng.randint(5, 7), (width * 0.13, HEIGHT * 0.2, width * 0.97, HEIGHT * 0.8), ink, thick)
        elif kind == "quarters":
            for x1, x2 in ((0.04, 0.5), (0.54, 0.96)):
                for y1, y2 in ((0.08, 0.47), (0.55, 0.92)):
                    box = (x1 * width, y1 * HEIGHT, x2 * width, y2 * HEIGHT)
                    self._line(draw, rng.randint(3, 4), box, ink, max(2, thick // 2))
            draw.line((width * 0.52, 0, width * 0.52, HEIGHT), fill=ink, width=2)
            draw.line((0, HEIGHT / 2, width, HEIGHT / 2), fill=ink, width=2)
        else:
            low = HEIGHT * rng.uniform(0.22, 0.36)
            draw.rectangle((0, 0, width, low), fill=rng.choice(BLUES if rng.random() < 0.4 else BAR_SHADES))
            name = "EGYPT" if rng.random() < 0.7 else ""
            self.letterer.note(draw, name, (width * 0.25, low / 2), low * 0.5, (20, 20, 24))
            self._line(draw, 3, (width * 0.6, low * 0.25, width * 0.9, low * 0.75), (20, 20, 24), 2)
            if kind == "square":
                thick = max(2, int(thick * rng.uniform(0.5, 1)))
                self._two_lines(draw, (0, low, width, HEIGHT), ink, thick)
                self._bolts(draw, width, (low * rng.uniform(0.3, 0.6), low + HEIGHT * rng.uniform(0.05, 0.3)))
            else:
                parts = rng.uniform(0.45, 0.58)
                box = (width * 0.04, low + HEIGHT * 0.1, width * (parts - 0.04), HEIGHT * 0.92)
                self._line(draw, rng.randint(2, 4), box, ink, thick)
                box = (width * (parts + 0.04), low + HEIGHT * 0.1, width * 0.96, HEIGHT * 0.92)
                self._line(draw, rng.randint(1, 3), box, ink, thick)
                draw.line((width * parts, low, width * parts, HEIGHT), fill=ink, width=rng.randint(1, 4))
        if rng.random() < 0.6:
            edge = ink if rng.random() < 0.7 else any_colour(rng)
            draw.rounded_rectangle(
                (1, 1, width - 2, HEIGHT - 2), rng.randint(2, 12), outline=edge, width=rng.randint(1, 5)
            )
        return np.asarray(picture)[..., ::-1].copy()

    def _two_lines(self, draw: ImageDraw.ImageDraw, box: Box, ink: RGB, thick: int) -> None:
        """Letters over digits, closely set or with ground between and round them."""
        rng, (x1, y1, x2, y2) = self.rng, box
        middle, wide, high = (y1 + y2) / 2, x2 - x1, y2 - y1
        gap, side = high * rng.uniform(0.03, 0.1), wide * rng.uniform(0.06, 0.14)
        self._line(draw, rng.randint(2, 3), (x1 + 2 * side, y1 + gap, x2 - 2 * side, middle - gap), ink, thick)
        self._line(draw, rng.randint(3, 4), (x1 + side, middle + gap, x2 - side, y2 - 1.5 * gap), ink, thick)

    def _bolts(self, draw: ImageDraw.ImageDraw, width: float, heights: tuple[float, float]) -> None:
        """A pair side by side at one of `heights`, sometimes none."""
        rng = self.rng
        if rng.random() < 0.5:
            return
        y, shade, r = rng.choice(heights), rng.choice(BOLT_SHADES), HEIGHT * rng.uniform(0.02, 0.05)
        inset = width * rng.uniform(0.12, 0.25)
        for x in (inset, width - inset):
            draw.ellipse((x - r, y - r, x + r, y + r), fill=shade, outline=(40, 40, 40))

    def _line(self, draw: ImageDraw.ImageDraw, count: int, box: Box, ink: RGB, thick: int) -> None:
        """`count` characters side by side in `box` (x1, y1, x2, y2)."""
        rng, (x1, y1, x2, y2) = self.rng, box
        across = (x2 - x1) / count
        for n in range(count):
            strokes = rng.choice(DIGITS) if rng.random() < 0.6 else self._letter()
            wide, left = min(across * 0.85, (y2 - y1) * 0.9), x1 + n * across
            for stroke in strokes:
                points = [(left + x * wide, y1 + y * (y2 - y1)) for x, y in stroke]
                draw.line(points, fill=ink, width=thick, joint="curve")

    def _letter(self) -> list[Stroke]:
        """A bowl or a tooth, with a dot or two above or below."""
        rng = self.rng
        deep = rng.uniform(0.5, 0.95)
        bowl = [(0.05, 0.35), (0.1, deep), (0.5, deep + 0.05), (0.9, deep), (0.95, rng.uniform(0.2, 0.5))]
        dots = [
            [(x, y), (x + 0.06, y)]
            for x in rng.sample([0.35, 0.5, 0.65], rng.randint(0, 2))
            for y in [rng.choice([0.1, 0.98])]
        ]
        return [bowl, *dots]
