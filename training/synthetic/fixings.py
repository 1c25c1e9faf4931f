"""What is fixed to a plate after it was made: bolts, stickers, dealers' frames."""

import random

from PIL import Image, ImageDraw

from training.synthetic.colours import any_colour
from training.synthetic.lettering import Letterer

FRAMED = 0.2  # share of plates with a frame in front of them


class Fixings:
    def __init__(self, letterer: Letterer, rng: random.Random) -> None:
        self.letterer, self.rng = letterer, rng

    def add(self, picture: Image.Image, country: str) -> None:
        """Draws them on a plate, RGB, cut at its edge."""
        draw = ImageDraw.Draw(picture)
        self._stickers(draw, picture.size, country)
        if self.rng.random() < FRAMED:
            self._frame(draw, picture.size)

    def _frame(self, draw: ImageDraw.ImageDraw, size: tuple[int, int]) -> None:
        """A dealer's frame in front of the plate: it hides the edges, and at times the letters' feet or heads."""
        rng, (width, height) = self.rng, size
        shade = any_colour(rng, 0, 60) if rng.random() < 0.6 else any_colour(rng, 0, 255)
        low, top = height * rng.uniform(0.03, 0.16), height * rng.uniform(0.03, 0.16)
        side = width * rng.uniform(0.005, 0.03)
        sides = rng.choice(["low", "low", "top", "all", "all"])
        if sides in {"low", "all"}:
            draw.rectangle((0, height - low, width, height), fill=shade)
        if sides in {"top", "all"}:
            draw.rectangle((0, 0, width, top), fill=shade)
        if sides == "all":
            draw.rectangle((0, 0, side, height), fill=shade)
            draw.rectangle((width - side, 0, width, height), fill=shade)
        ink = (235, 235, 235) if sum(shade) < 380 else (20, 20, 20)
        dealer = " ".join("".join(rng.choices("ABCDEFGHIKLMNOPRSTUVY", k=rng.randint(3, 8))) for _ in range(2))
        if sides != "top" and low > height * 0.07:
            self.letterer.note(draw, dealer, (width / 2, height - low / 2), low * 0.8, ink)
        if sides != "low" and top > height * 0.07:
            self.letterer.note(draw, dealer, (width / 2, top / 2), top * 0.8, ink)

    def _stickers(self, draw: ImageDraw.ImageDraw, size: tuple[int, int], country: str) -> None:
        """Bolts and validation stickers."""
        rng, (width, height) = self.rng, size
        if rng.random() < 0.5:
            corners = [(0.12, 0.1), (0.88, 0.1), (0.12, 0.9), (0.88, 0.9)]
            for x, y in rng.choice(
                [corners[:2], corners, [(0.3, 0.5)], [(0.08, 0.5), (0.92, 0.5)], [(0.04, 0.5), (0.96, 0.5)]]
            ):
                r, grey = height * rng.uniform(0.025, 0.06), rng.randint(20, 240)
                # Seen aslant, or lit, a bolt is longer than wide and looks like a 1.
                tall = r * (rng.uniform(1.2, 2.5) if rng.random() < 0.3 else 1)
                spot = (x * width - r, y * height - tall, x * width + r, y * height + tall)
                draw.ellipse(spot, fill=(grey, grey, grey))
        if country in {"us", "ca"} and rng.random() < 0.5:
            for _ in range(rng.randint(1, 2)):
                x, y = rng.choice([0.05, 0.85]) * width, rng.choice([0.05, 0.78]) * height
                draw.rectangle((x, y, x + width * 0.1, y + height * 0.15), fill=any_colour(rng, 40))
