"""What American plates print in the line of their text and registers leave out of it: small letters one above the
other, a symbol, an authority's name.
"""

import random

from PIL import Image, ImageDraw

from training.synthetic.formats import LETTERS
from training.synthetic.lettering import Box, Letterer, Lettering

SHARE = 0.1  # of American plates
NAMES = [
    ("City of", "New York"), ("Metropolitan", "Authority"), ("STATE", "POLICE"), ("Board of", "Education"),
    ("TRANS", "PORTER"), ("COUNTY", "OFFICIAL"),
]  # fmt: skip
CODES = ["HF", "HQ", "TN", "BG", "AV", "BB", "DV", "PW", "CB", "TX", "EX"]


class Asides:
    def __init__(self, letterer: Letterer, rng: random.Random) -> None:
        self.letterer, self.rng = letterer, rng

    def add(self, picture: Image.Image, box: Box, style: Lettering) -> Box:
        """Draws a few things at the left or the right end of `box`; returns the box that is left for the text."""
        rng, (x1, y1, x2, y2) = self.rng, box
        height = y2 - y1
        draw = ImageDraw.Draw(picture)
        kinds = rng.choice([["code"], ["code"], ["symbol"], ["name"], ["name", "code"], ["symbol", "code"]])
        for kind in kinds:
            wide = height * {"code": 0.42, "symbol": 0.8, "name": 1.3}[kind] * rng.uniform(0.9, 1.1)
            left = kind == "name" or rng.random() < 0.6
            middle = x1 + wide / 2 if left else x2 - wide / 2
            if kind == "symbol":
                self._wheelchair(draw, (middle, (y1 + y2) / 2), height * 0.4, style)
            else:
                words = rng.choice(NAMES) if kind == "name" else tuple(rng.choice([*CODES, *self._pairs()]))
                tall = height * (rng.uniform(0.4, 0.5) if kind == "code" else 0.24)
                for word, share in zip(words, (0.25, 0.77), strict=True):
                    self.letterer.note(draw, word, (middle, y1 + share * height), tall, style.ink)
            x1, x2 = (x1 + wide, x2) if left else (x1, x2 - wide)
        return x1, y1, x2, y2

    def _pairs(self) -> list[str]:
        return ["".join(self.rng.choices(LETTERS, k=2)) for _ in range(3)]

    def _wheelchair(self, draw: ImageDraw.ImageDraw, at: tuple[float, float], r: float, style: Lettering) -> None:
        """The sign of the disabled, as strokes."""
        x, y = at
        thick = max(1, int(r * 0.2))
        draw.arc((x - r * 0.7, y - r * 0.2, x + r * 0.5, y + r), 20, 270, fill=style.ink, width=thick)
        body = [(-0.25, -0.6), (-0.15, 0.3), (0.4, 0.3), (0.7, 0.9)]
        draw.line([(x + u * r, y + v * r) for u, v in body], fill=style.ink, width=thick)
        draw.ellipse((x - r * 0.4, y - r, x - r * 0.1, y - r * 0.7), fill=style.ink)
