"""One line of a plate's text, drawn into a box, with what stands between its groups."""

import math
import random
from dataclasses import dataclass

from PIL import Image, ImageDraw

from training.synthetic.colours import RGB, any_colour
from training.synthetic.dies import Die
from training.synthetic.formats import SEPARATORS
from training.synthetic.typefaces import Typefaces

Box = tuple[float, float, float, float]


@dataclass(frozen=True)
class Lettering:
    """How a plate is lettered: its typeface or die, its ink, how wide its letters stand, what fills a blank between
    groups.

    wide: whether the text takes all the width that there is.
    """

    typeface: str | Die
    ink: RGB
    spread: float
    between: str
    wide: bool = False


class Letterer:
    def __init__(self, typefaces: Typefaces, rng: random.Random) -> None:
        self.typefaces, self.rng = typefaces, rng

    def line(self, picture: Image.Image, text: str, box: Box, style: Lettering) -> None:
        """Draws `text` at the height of `box` (x1, y1, x2, y2), squeezed where it is too long for its width."""
        rng = self.rng
        x1, y1, x2, y2 = box
        height = y2 - y1
        mask, marks = self._mask(text, height, style)
        stretch = rng.uniform(1.2, 2) if style.wide else rng.uniform(0.9, 1.25)
        width = max(8, int(min(x2 - x1, mask.width * stretch)))
        mask = mask.resize((width, max(1, int(height * 1.1))), Image.Resampling.BILINEAR)
        left = int(x1 + (x2 - x1 - width) * rng.uniform(0.3, 0.7))
        top = int(y1 - height * 0.05)
        if rng.random() < 0.3:  # an embossed letter's edge
            r, g, b = (int(channel * 0.6 + 80) for channel in style.ink)
            picture.paste((r, g, b), (left + 1, top + 1), mask)
        picture.paste(style.ink, (left, top), mask)
        draw = ImageDraw.Draw(picture)
        for share, mark in marks:
            self.mark(draw, mark, (left + share * width, (y1 + y2) / 2), height, style.ink)

    def _mask(self, text: str, height: float, style: Lettering) -> tuple[Image.Image, list[tuple[float, str]]]:
        """The line's ink and the marks between its groups, each with its place as a share of the width."""
        rng = self.rng
        letters = self._letters(text, height, style.typeface)
        gap = height * rng.uniform(0.02, 0.14) * style.spread
        blank = height * rng.uniform(0.2, 0.55)
        # Many offices' dies have one width: a 1 stands alone in its place.
        cell = max(letters[c].width for c in "HNO8") if rng.random() < 0.4 else 0
        placed: list[tuple[float, str]] = []
        x = 2.0
        for c in text:
            if c in SEPARATORS:
                placed.append((x, c))
                x += blank
            else:
                room = max(0, cell - letters[c].width)
                placed.append((x + room / 2, c))
                x += letters[c].width + room + gap
        width = max(8, int(x + 6))
        mask = Image.new("L", (width, int(height * 1.12)), 0)
        marks = []
        for x, c in placed:
            if c in SEPARATORS:
                mark = style.between if c == " " else rng.choice(["dash", "dash", "dot", style.between])
                marks.append(((x + blank / 2) / width, mark))
            else:
                mask.paste(255, (int(x), int(height * 0.05)), letters[c])
        return mask, marks

    def _letters(self, text: str, height: float, typeface: str | Die) -> dict[str, Image.Image]:
        """The ink of each of the text's characters and of H, N, O and 8, cut at its sides, from the line's top."""
        wanted = sorted({*text, *"HNO8"} - {*SEPARATORS})
        if isinstance(typeface, Die):
            return {c: Image.fromarray(typeface.stamp(c, max(4, round(height)))) for c in wanted}
        rough = self.typefaces.load(typeface, height * 1.4).getbbox("H0")
        font = self.typefaces.load(typeface, max(8, height * 1.4 * height / max(1, rough[3] - rough[1])))
        rise = font.getbbox("H0")[1]
        letters = {}
        for c in wanted:
            left, _, right, _ = font.getbbox(c)
            letter = Image.new("L", (max(1, round(right - left)), int(height * 1.07)), 0)
            ImageDraw.Draw(letter).text((-left, -rise), c, fill=255, font=font)
            letters[c] = letter
        return letters

    def mark(
        self, draw: ImageDraw.ImageDraw, mark: str, at: tuple[float, float], height: float, ink: RGB = (30, 30, 30)
    ) -> None:
        """What stands between two groups or at a line's end: a hyphen, a dot, two seals, a coat of arms, another
        emblem, a state's outline; or nothing.
        """
        rng, h, (x, y) = self.rng, height, at
        if mark == "dash":
            draw.rectangle((x - h * 0.1, y - h * 0.04, x + h * 0.1, y + h * 0.04), fill=ink)
        elif mark == "dot":
            draw.ellipse((x - h * 0.07, y - h * 0.07, x + h * 0.07, y + h * 0.07), fill=ink)
        elif mark == "seals":
            for place in (-0.28, 0.25):
                r = h * rng.uniform(0.13, 0.2)
                at = y + h * place
                base = rng.choice([(60, 140, 80), (200, 60, 50), (40, 80, 160), (220, 160, 40), (90, 90, 90)])
                draw.ellipse((x - r, at - r, x + r, at + r), fill=base, outline=(230, 230, 230))
                draw.ellipse((x - r / 2, at - r / 2, x + r / 2, at + r / 2), fill=any_colour(rng, 80))
        elif mark == "arms":
            r = h * rng.uniform(0.15, 0.3)
            shield = [(x - r, y - r), (x + r, y - r), (x + r, y + r * 0.3), (x, y + r * 1.1), (x - r, y + r * 0.3)]
            draw.polygon(shield, fill=any_colour(rng, 30, 220), outline=(60, 60, 60))
            draw.rectangle((x - r * 0.5, y - r * 0.6, x + r * 0.3, y + r * 0.2), fill=any_colour(rng, 60))
        elif mark == "emblem":
            self._emblem(draw, (x, y), h * rng.uniform(0.16, 0.34))
        elif mark == "outline":
            points = [(x + rng.uniform(-0.18, 0.18) * h, y + rng.uniform(-0.3, 0.3) * h) for _ in range(6)]
            draw.polygon(points, outline=ink, fill=None if rng.random() < 0.5 else any_colour(rng, 90, 240))

    def _emblem(self, draw: ImageDraw.ImageDraw, at: tuple[float, float], r: float) -> None:
        """Arms as they look from some way off: a shield, a disc or a bare figure, parted into fields of a few colours,
        at times with a cross, bars or small print in it.
        """
        rng, (x, y) = self.rng, at
        shape = rng.choice(["shield", "disc", "box", "bare"])
        base, edge = any_colour(rng), rng.choice([(60, 60, 60), (220, 220, 220), any_colour(rng)])
        if shape == "shield":
            draw.polygon(
                [(x - r, y - r), (x + r, y - r), (x + r, y + r * 0.4), (x, y + r * 1.2), (x - r, y + r * 0.4)],
                fill=base,
                outline=edge,
            )
        elif shape == "disc":
            draw.ellipse((x - r, y - r, x + r, y + r), fill=base, outline=edge, width=max(1, int(r * 0.15)))
        elif shape == "box":
            draw.rectangle((x - r * 0.8, y - r * 0.8, x + r * 0.8, y + r * 0.8), fill=base, outline=edge)
        other = any_colour(rng)
        for _ in range(rng.randint(1, 4)):
            kind = rng.choice(["bar", "pale", "spot", "figure", "letter"])
            u, v = x + rng.uniform(-0.5, 0.5) * r, y + rng.uniform(-0.5, 0.5) * r
            if kind == "bar":
                draw.rectangle((x - r * 0.7, v - r * 0.15, x + r * 0.7, v + r * 0.15), fill=other)
            elif kind == "pale":
                draw.rectangle((u - r * 0.15, y - r * 0.7, u + r * 0.15, y + r * 0.7), fill=other)
            elif kind == "spot":
                spot = (u - r * 0.4, v - r * 0.4, u + r * 0.4, v + r * 0.4)
                draw.ellipse(spot, outline=other, width=max(1, int(r / 5)))
            elif kind == "figure":
                points = [(x + rng.uniform(-0.8, 0.8) * r, y + rng.uniform(-0.9, 0.9) * r) for _ in range(7)]
                draw.polygon(points, fill=other)
            else:
                self.note(draw, rng.choice("0123456789"), (x, y), r * 1.2, other)

    def note(self, draw: ImageDraw.ImageDraw, text: str, centre: tuple[float, float], height: float, ink: RGB) -> None:
        """Small print: a state's name, a slogan, a dealer."""
        draw.text(centre, text, fill=ink, font=self.typefaces.load(self.typefaces.any(), height), anchor="mm")

    def stars(self, draw: ImageDraw.ImageDraw, centre: tuple[float, float], radius: float) -> None:
        for k in range(12):
            x = centre[0] + radius * math.cos(k * math.pi / 6)
            y = centre[1] + radius * math.sin(k * math.pi / 6)
            draw.ellipse((x - 1.5, y - 1.5, x + 1.5, y + 1.5), fill=(240, 210, 40))
