"""Plates that look like no row of plate_formats.csv says in a word: drawn fields, bars and frames of their own.

What a row tells of colour and band is enough for most countries. Not for those whose plates are two things in one: the
white frame round an old Argentine plate's black field, New York's dark bars, Brazil's colours by use.
"""

import random
from dataclasses import dataclass, field

from PIL import ImageDraw

from training.synthetic.colours import RGB, jittered
from training.synthetic.formats import Format
from training.synthetic.lettering import Box, Letterer
from training.synthetic.states import state_of

NAVY: RGB = (28, 36, 84)
GOLD: RGB = (236, 164, 44)
PALE: RGB = (238, 238, 234)
DARK: RGB = (22, 22, 24)
# What New York prints below the text, by the shape of the text; cars bear the state's motto.
OF_NEW_YORK = {
    "TDDDDDDC": ["T&LC"], "YDDDDDDC": ["TAXI"], "DLDDL": ["TAXI"], "DLDD": ["TAXI"],
    "DDDDD-LL": ["COMMERCIAL", "TRACTOR", "TRAILER", "APPORTIONED"],
}  # fmt: skip
MOTTOES = ["EMPIRE STATE", "THE EMPIRE STATE", "EXCELSIOR"]
CITIES = [
    "SP-SAO PAULO", "RJ-RIO DE JANEIRO", "MG-BELO HORIZONTE", "PR-CURITIBA", "RS-PORTO ALEGRE", "BA-SALVADOR",
    "PR-PARANAGUA", "SC-JOINVILLE", "GO-GOIANIA", "PE-RECIFE", "PR-LONDRINA",
]  # fmt: skip
# Ground and ink of Brazil's plates before 2018: private, hire, trial, collectors'; an infra-red lamp turns some over.
OF_BRAZIL: list[tuple[RGB, RGB, float]] = [
    ((172, 174, 176), DARK, 5), ((128, 30, 36), PALE, 3), ((30, 96, 62), PALE, 1), (DARK, (190, 190, 190), 1),
    ((96, 74, 76), (214, 200, 200), 2), ((104, 106, 110), (218, 220, 222), 2),
]  # fmt: skip


@dataclass(frozen=True)
class Bar:
    """A strip across the plate, from `top` to `low` of its height, with print in it."""

    top: float
    low: float
    shade: RGB
    words: str = ""
    ink: RGB = PALE


@dataclass(frozen=True)
class Look:
    """ground: the plate's own colour; inset: a field in it, x1, y1, x2, y2 as shares of the plate, in `inset_shade`;
    text: where the text stands, as shares; wide: whether its letters take all the width that there is.
    """

    ground: RGB
    ink: RGB
    text: Box
    bars: list[Bar] = field(default_factory=list)
    inset: Box | None = None
    inset_shade: RGB = DARK
    between: tuple[str, ...] = ("none",)
    wide: bool = False

    def draw(self, draw: ImageDraw.ImageDraw, size: tuple[int, int], letterer: Letterer, rng: random.Random) -> Box:
        """Draws all but the text, and returns the text's box in pixels."""
        width, height = size
        draw.rectangle((0, 0, width, height), fill=jittered(self.ground, 10, rng))
        if self.inset:
            x1, y1, x2, y2 = self.inset
            corners = (x1 * width, y1 * height, x2 * width, y2 * height)
            draw.rounded_rectangle(corners, height * 0.05, fill=jittered(self.inset_shade, 6, rng))
        for bar in self.bars:
            draw.rectangle((0, bar.top * height, width, bar.low * height), fill=jittered(bar.shade, 8, rng))
            if bar.words:
                tall = (bar.low - bar.top) * height * rng.uniform(0.75, 1.05)
                middle = (bar.top + bar.low) / 2 * height
                letterer.note(draw, bar.words, (width / 2, middle), tall, bar.ink)
        x1, y1, x2, y2 = self.text
        shift = rng.gauss(0, 0.012)
        return x1 * width, (y1 + shift) * height, x2 * width, (y2 + shift) * height


def look_of(form: Format, rng: random.Random) -> Look | None:
    """A look for a plate of this format; None where its row says enough."""
    one_line = form.lines == 1
    if state_of(form.code) == "us-ny" and one_line and rng.random() < 0.85:
        return _new_york(form, rng)
    if form.code == "ar" and "black" in form.background and rng.random() < 0.85:
        return _argentine(rng, two_lines=not one_line)
    if form.code == "br" and form.pattern == "LLL-DDDD" and rng.random() < 0.85:
        return _brazilian(rng, two_lines=not one_line)
    return None


def _new_york(form: Format, rng: random.Random) -> Look:
    below = rng.choice(OF_NEW_YORK.get(form.pattern, MOTTOES))
    high = rng.uniform(0.44, 0.54)
    top = 0.52 - high / 2
    text = (0.04, top, 0.96, top + high)
    between = ("outline", "outline", "dash", "none")
    name = rng.choice(["NEW YORK", "NEW YORK", "New York"])
    if rng.random() < 0.5:  # gold, 2010
        bars = [Bar(0, 0.2, NAVY, name, GOLD), Bar(0.94, 1, NAVY), Bar(0.79, 0.93, GOLD, below, NAVY)]
        return Look(GOLD, NAVY, text, bars, between=between)
    if rng.random() < 0.4:  # white with blue bars, 2001
        bars = [Bar(0, 0.21, (36, 60, 130), name, (240, 210, 90)), Bar(0.82, 1, (36, 60, 130), below, PALE)]
        return Look(PALE, NAVY, text, bars, between=between)
    bars = [Bar(0.03, 0.2, PALE, name, NAVY), Bar(0.21, 0.225, GOLD), Bar(0.8, 0.96, PALE, below, NAVY)]
    return Look(PALE, NAVY, text, bars, between=between)


def _argentine(rng: random.Random, *, two_lines: bool) -> Look:
    top = rng.uniform(0.14, 0.22)
    edge = rng.uniform(0.03, 0.07)
    low = rng.uniform(0.86, 0.93)
    bars = [Bar(0.03, top - 0.02, PALE, rng.choice(["ARGENTINA", "ARGENTINA", ""]), (70, 90, 120))]
    within = 0.02 if two_lines else rng.uniform(0.02, 0.08)
    text = (edge + 0.02, top + within, 0.98 - edge, low - within)
    ink = rng.choice([PALE, PALE, (200, 200, 196)])
    between = ("none", "none", "none", "dot")
    return Look(PALE, ink, text, bars, (edge, top, 1 - edge, low), DARK, between, wide=True)


def _brazilian(rng: random.Random, *, two_lines: bool) -> Look:
    ground, ink, _ = rng.choices(OF_BRAZIL, [share for *_, share in OF_BRAZIL])[0]
    bars = [Bar(0.05, rng.uniform(0.2, 0.26), ground, rng.choice(CITIES), ink)]
    text = (0.04, 0.26, 0.96, 0.92) if two_lines else (0.05, rng.uniform(0.28, 0.33), 0.95, rng.uniform(0.8, 0.88))
    return Look(ground, ink, text, bars, between=("dot", "dot", "dot", "dash", "none"), wide=True)
