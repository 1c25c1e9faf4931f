"""A whole plate, drawn flat and clean; camera.py sets it into the world."""

import random
import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from training.synthetic import asides
from training.synthetic.colours import RGB, any_colour, colour, jittered, too_alike
from training.synthetic.fixings import Fixings
from training.synthetic.formats import Format, Formats, squeezed
from training.synthetic.lettering import Box, Letterer, Lettering
from training.synthetic.looks import CITIES, look_of
from training.synthetic.states import PARENTS, Print, States, state_of
from training.synthetic.typefaces import DIN, Typefaces

HEIGHT = 112
NOTES = ["MOTORS", "www.cars.example", "AUTO CENTER"]
# What only plates of these countries say: a wrong name would teach the region head nonsense.
LOCAL_NOTES = {
    "pk": ["PUNJAB", "SINDH", "ICT-ISLAMABAD", "ISLAMABAD", "GOVT OF SINDH", "KARACHI", "GOVT OF PUNJAB", "MOTORS"],
    "br": CITIES,
}
NOTED = {*LOCAL_NOTES, *PARENTS, "mx", "pe", "ph", "nz", "ve", "co"}  # countries with print above or below the text
SEALED = {"de", "pl", "at", "ch", "cz", "sk", "hr", "rs", "si"}  # seals or arms between the groups
SOMETIMES_TWO_LINES = {
    "gb", "de", "fr", "it", "es", "pl", "in", "br", "ro", "nl", "at", "ch", "cz", "sk", "se", "dk", "no", "fi", "is",
    "ie", "hr", "hu", "si", "rs", "be", "lu", "pt", "fo", "ee", "lv", "lt", "gr", "za",
}  # fmt: skip
HALF_HIGH = {"us", "ca", "pk"}  # letters of about half the plate's height
# Countries whose larger seals or arms stand beside the upper of two lines.
ARMS_ABOVE = {"at", "ch", "cz", "sk", "de", "it", "se", "is", "pl", "no"}
MERCOSUL = {"br": "BRASIL", "ar": "REPUBLICA ARGENTINA", "uy": "URUGUAY", "py": "PARAGUAY"}
SHORT_CODES = {"DE": "D", "FR": "F", "IT": "I", "ES": "E", "AT": "A", "BE": "B", "SE": "S", "HU": "H"}
PROVINCES: list[RGB] = [(30, 110, 60), (40, 120, 190), (190, 200, 220)]  # bands of Pakistan's
BAND_BLUES: list[RGB] = [(20, 50, 150), (10, 60, 170), (30, 80, 190)]


@dataclass(frozen=True)
class DrawnPlate:
    """picture: uint8 BGR [112, w, 3], cut at the plate's edge; text: A-Z and 0-9; code: the region's."""

    picture: NDArray[np.uint8]
    text: str
    code: str
    lines: int


class PlateMaker:
    """Draws plates without end. Raises FileNotFoundError where the table or the typefaces are missing."""

    def __init__(self, reference: Path, fonts: Path, seed: int) -> None:
        self.rng = random.Random(seed)
        self.formats = Formats(reference / "plate_formats.csv", self.rng)
        self.typefaces = Typefaces(fonts, self.rng)
        self.letterer = Letterer(self.typefaces, self.rng)
        self.asides = asides.Asides(self.letterer, self.rng)
        self.fixings = Fixings(self.letterer, self.rng)
        forms = [form for forms in self.formats.by_code.values() for form in forms]
        self.states = States(reference / "regions.csv", forms, self.rng)

    def make(self) -> DrawnPlate:
        form, text = self.formats.draw()
        return self.plate(self.states.dressed(form), text)

    def plate(self, form: Format, text: str) -> DrawnPlate:
        """One plate of a format with this text (printed gaps included)."""
        rng, country = self.rng, form.country
        (wide, high), lines = form.size, form.lines
        if country in SOMETIMES_TWO_LINES and rng.random() < 0.16:
            lines = 2
        background = colour(form.background, "white", rng) or any_colour(rng, 150, 245)
        ink = colour(form.ink, "black", rng) or (22, 22, 22)
        if country == "pk":  # provinces differ, and many plates are private work
            wide, high = rng.choice([(330, 160), (300, 150), (500, 120), (280, 200)])
            background = rng.choice([(240, 240, 235), (235, 205, 60), (20, 20, 20), (245, 245, 240)])
        if lines == 2 and wide / high > 2.6:
            wide, high = 280, 200
        if too_alike(background, ink):
            ink = (20, 20, 20) if sum(background) > 380 else (235, 235, 235)
        width = int(min(560, max(90, HEIGHT * wide / high * rng.uniform(0.93, 1.07))))
        picture = Image.new("RGB", (width, HEIGHT), jittered(background, 8, rng))
        if look := look_of(form, rng):
            draw = ImageDraw.Draw(picture)
            box = look.draw(draw, (width, HEIGHT), self.letterer, rng)
            typeface = self.typefaces.for_plate(country, form.typeface)
            style = Lettering(typeface, look.ink, rng.uniform(0.6, 3), rng.choice(look.between), wide=look.wide)
            return self._finished(picture, form, text, box, style, lines)
        if "graphic" in form.background or (country in {"us", "ca"} and rng.random() < 0.5):
            picture = self._graphic(picture)
        draw = ImageDraw.Draw(picture)
        if rng.random() < 0.6:
            edge = ink if rng.random() < 0.8 else (120, 120, 120)
            draw.rounded_rectangle(
                (2, 2, width - 3, HEIGHT - 3), rng.randint(2, 12), outline=edge, width=rng.randint(1, 4)
            )
        box = self._surroundings(draw, form, lines, (width, HEIGHT), ink)
        style = Lettering(
            self.typefaces.for_plate(country, form.typeface), ink, rng.uniform(0.4, 2), self._between(country)
        )
        return self._finished(picture, form, text, box, style, lines)

    def _finished(
        self, picture: Image.Image, form: Format, text: str, box: Box, style: Lettering, lines: int
    ) -> DrawnPlate:
        """The plate with its text and with what is fixed to it."""
        if form.country == "us" and lines == 1 and self.rng.random() < asides.SHARE:
            box = self.asides.add(picture, box, style)
        text = self._text(picture, text, box, style, lines, form.country)
        self.fixings.add(picture, form.country)
        return DrawnPlate(np.asarray(picture)[..., ::-1].copy(), squeezed(text), form.code, lines)

    def _graphic(self, picture: Image.Image) -> Image.Image:
        """A fade and a few patches of colour, as states print behind the text."""
        rng = self.rng
        width, height = picture.size
        pixels = np.asarray(picture).astype(np.float32)
        other = np.array(any_colour(rng, 120, 250), np.float32)
        down = np.linspace(0, 1, height)[:, None, None]
        fade = down if rng.random() < 0.7 else np.abs(np.linspace(-1, 1, width))[None, :, None]
        fade = (1 - fade if rng.random() < 0.5 else fade) * 0.7
        faded = Image.fromarray((pixels * (1 - fade) + other * fade).astype(np.uint8))
        draw = ImageDraw.Draw(faded)
        for _ in range(rng.randint(0, 4)):
            x, y, size = rng.randint(0, width), rng.randint(0, height), rng.randint(5, 50)
            points = [(x + rng.randint(-size, size), y + rng.randint(-size, size)) for _ in range(5)]
            draw.polygon(points, fill=any_colour(rng, 120, 250))
        return faded

    def _surroundings(
        self, draw: ImageDraw.ImageDraw, form: Format, lines: int, size: tuple[int, int], ink: RGB
    ) -> Box:
        """Bands, flags and small print; returns the box that is left for the text."""
        rng, (width, height), country = self.rng, size, form.country
        x1, x2, y1, y2 = width * 0.05, width * 0.95, height * 0.16, height * 0.84
        band = form.band.lower()
        if country in HALF_HIGH and lines == 1 and rng.random() < 0.8:
            half = rng.uniform(0.15 if country == "pk" else 0.22, 0.31)
            middle = rng.uniform(0.49, 0.54)
            y1, y2 = height * (middle - half), height * (middle + half)
        if ("band left" in band or "eu band" in band or ("left" in band and "flag" in band)) and rng.random() < 0.85:
            across = int(height * (rng.uniform(0.3, 0.48) if lines == 1 else rng.uniform(0.22, 0.3)))
            base = rng.choice(BAND_BLUES) if rng.random() < 0.9 else (20, 140, 60)
            # Two lines: mostly beside the upper one alone.
            deep = height * (0.5 if lines == 2 and rng.random() < 0.75 else 1)
            draw.rectangle((0, 0, across, deep), fill=base)
            if rng.random() < 0.8:
                self.letterer.stars(draw, (across / 2, deep * 0.3), across * 0.3)
            letters = country.upper()
            letters = rng.choice(["GB", "UK"]) if letters == "GB" else SHORT_CODES.get(letters, letters)
            face = self.typefaces.load(rng.choice(DIN), across * 0.5)
            draw.text((across / 2, deep * 0.78), letters, fill=(240, 240, 240), font=face, anchor="mm")
            x1 = across + width * 0.03
            if country in {"fr", "it"} and rng.random() < 0.8:
                draw.rectangle((width - across, 0, width, height), fill=base)
                place = rng.choice(["75", "13", "MI", "RM", "2B", "69"])
                draw.text((width - across / 2, height * 0.75), place, fill=(240, 240, 240), font=face, anchor="mm")
                x2 = width - across - 3
        if country == "pk" and rng.random() < 0.35:  # a province's arms at the left, mostly in a field of their own
            across = int(height * rng.uniform(0.28, 0.45))
            if rng.random() < 0.7:
                draw.rectangle((0, 0, across, height), fill=rng.choice(PROVINCES))
            self.letterer.mark(draw, "emblem", (across / 2, height * rng.uniform(0.4, 0.6)), across)
            x1 = across + width * 0.03
        if "on top" in band:
            down = int(height * rng.uniform(0.16, 0.24))
            draw.rectangle((0, 0, width, down), fill=(25, 50, 150))
            name = MERCOSUL.get(country, "MERCOSUR")
            self.letterer.note(draw, name, (width / 2, down / 2), down * 0.75, (240, 240, 240))
            y1, y2 = down + height * 0.06, height * 0.93
            if country == "br" and rng.random() < 0.7 and lines == 1:
                self.letterer.note(draw, "BR", (width * 0.06, height * 0.8), height * 0.13, ink)
                x1 = width * 0.1
        elif country in NOTED or rng.random() < 0.1:
            words = self._words(form)
            if words.above:
                tall = height * rng.uniform(0.1, 0.2)
                shade = rng.choice([ink, (180, 30, 30), (30, 50, 150)])
                self.letterer.note(draw, words.above, (width / 2, tall * 0.7), tall, shade)
                y1 = max(y1, height * 0.22)
            if words.below:
                tall = height * rng.uniform(0.07, 0.15)
                self.letterer.note(draw, words.below, (width / 2, height * 0.99 - tall * 0.6), tall, ink)
                y2 = min(y2, height * 0.8)
        return x1, y1, x2, y2

    def _words(self, form: Format) -> Print:
        """The small print above and below the text."""
        rng = self.rng
        if state_of(form.code):
            words = self.states.words(form)
        else:
            notes = LOCAL_NOTES.get(form.country, NOTES)
            words = Print(rng.choice(notes), rng.choice(notes))
        return Print(words.above if rng.random() < 0.9 else "", words.below if rng.random() < 0.75 else "")

    def _between(self, country: str) -> str:
        rng = self.rng
        if country in SEALED or rng.random() < 0.06:
            return rng.choice(["seals", "seals", "arms", "none"])
        if country == "us" and rng.random() < 0.5:
            return rng.choice(["outline", "arms", "dot", "none", "dash"])
        return "none"

    def _text(self, picture: Image.Image, text: str, box: Box, style: Lettering, lines: int, country: str) -> str:
        """Draws the text and returns what stands there: a Punjab plate gains its small year."""
        rng, (x1, y1, x2, y2), height = self.rng, box, picture.height
        if lines == 1:
            punjab = re.fullmatch(r"([A-Z]{3})(\d{3,4})", squeezed(text))
            if country == "pk" and punjab and rng.random() < 0.45:
                year, wide = f"{rng.randint(5, 20):02d}", x2 - x1
                for part, left, right, low in (
                    (punjab[1], 0, 0.4, 1),
                    (year, 0.41, 0.51, 0.45),
                    (punjab[2], 0.52, 1, 1),
                ):
                    top = y1 + (y2 - y1) * (0.05 if part == year else 0)
                    self.letterer.line(
                        picture, part, (x1 + wide * left, top, x1 + wide * right, y1 + (y2 - y1) * low), style
                    )
                return punjab[1] + year + punjab[2]
            self.letterer.line(picture, text, box, style)
            return text
        first, second = self._two_lines(text)
        left, right = x1, x2
        if country in ARMS_ABOVE:
            right = self._arms_above(picture, country, (x1, y1, x2, y2))
            # The lower line has all of the width: the band stands beside the upper one.
            if x1 < picture.width * 0.25 and rng.random() < 0.75:
                x1 = picture.width * 0.04
        punjab = re.fullmatch(r"[A-Z]{3}", first)
        year = f"{rng.randint(5, 20):02d}" if country == "pk" and punjab and rng.random() < 0.5 else ""
        text = first + year + second
        middle = (y1 + y2) / 2
        y1, y2 = y1 - height * 0.04, y2 + height * 0.04
        plain = Lettering(style.typeface, style.ink, style.spread, "none" if rng.random() < 0.7 else style.between)
        share = 0.7 if year else 1.0
        self.letterer.line(picture, first, (left, y1, left + (right - left) * share, middle - height * 0.04), plain)
        if year:  # smaller, to the right of the letters
            small = (x1 + (x2 - x1) * 0.75, y1 + (middle - y1) * 0.2, x1 + (x2 - x1) * 0.95, y1 + (middle - y1) * 0.75)
            self.letterer.line(picture, year, small, plain)
        self.letterer.line(picture, second, (x1, middle + height * 0.04, x2, y2), plain)
        return text

    def _arms_above(self, picture: Image.Image, country: str, box: Box) -> float:
        """Arms or seals at the upper line's right end, mostly; returns where the line ends."""
        rng, (x1, y1, x2, _), height = self.rng, box, picture.height
        if rng.random() < 0.3:
            return x2
        mark = rng.choice(["seals", "arms", "emblem", "emblem"] if country != "it" else ["emblem"])
        x = x2 - height * rng.uniform(0.12, 0.22)
        self.letterer.mark(ImageDraw.Draw(picture), mark, (x, y1 + height * rng.uniform(0.1, 0.2)), height * 0.6)
        return max(x1 + height * 0.4, x - height * 0.23)

    def _two_lines(self, text: str) -> tuple[str, str]:
        """Broken at a printed gap, else between letters and digits, else in the middle."""
        groups = [group for group in re.split(r"[ \-./]", text) if group]
        if len(groups) > 1:
            cut = self.rng.randint(1, len(groups) - 1)
            return " ".join(groups[:cut]), " ".join(groups[cut:])
        split = re.fullmatch(r"([A-Z]+)(\d.*)", text)
        half = max(1, min(len(text) - 1, len(text) // 2))
        return (split[1], split[2]) if split else (text[:half], text[half:])
