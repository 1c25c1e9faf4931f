"""Drawn things that a plate detector takes for plates and that are none: window stickers, notices, shop signs,
badges, watermarks.

Without them the detector's false boxes were mostly such lettering.
"""

import random
import string
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from training.synthetic.colours import RGB, any_colour
from training.synthetic.typefaces import Typefaces

SIZE = 96  # pixels of one line's letters, before the decoy is set into a photo
SYLLABLES = (
    "ka", "lo", "mi", "ra", "ten", "sol", "var", "eki", "ban", "dor", "fa", "ju", "pre", "shi", "uma", "net", "gra",
    "ster", "ion", "vel", "po",
)  # fmt: skip


class DecoyMaker:
    def __init__(self, fonts: Path, seed: int) -> None:
        self.rng = random.Random(seed)
        self.typefaces = Typefaces(fonts, self.rng)

    def make(self) -> NDArray[np.uint8]:
        """A decoy, uint8 BGRA [h, w, 4]; what is see-through has alpha 0."""
        rng = self.rng
        kind = rng.choices(["notice", "badge", "watermark", "grid", "front"], [5, 3, 2, 2, 3])[0]
        if kind == "grid":
            return self._grid()
        if kind == "front":
            return self._front()
        lines = rng.choice([1, 2, 2, 3, 4]) if kind == "notice" else 1
        texts = [self._words(kind) for _ in range(lines)]
        ground, ink = any_colour(rng, 0), any_colour(rng, 0)
        if sum(abs(a - b) for a, b in zip(ground, ink, strict=True)) < 200:
            ink = (250, 250, 250) if sum(ground) < 380 else (10, 10, 10)
        return self._sheet(texts, ground, ink, kind)

    def _words(self, kind: str) -> str:
        """Lettering that no plate bears: lower case, addresses, telephone numbers, several words."""
        rng = self.rng
        word = "".join(rng.choices(SYLLABLES, k=rng.randint(1, 3)))
        if kind == "watermark":
            return rng.choice(["@", "", "www.", "#"]) + word + rng.choice(["", ".com", "24.net", "_cars", ".org"])
        if kind == "badge":
            return rng.choice(
                [word.title(), word.upper(), word, f"{word[:3].upper()} {rng.randint(1, 9)}.{rng.randint(0, 9)}"]
            )
        phone = f"{rng.randint(10, 99)} {rng.randint(100, 999)} {rng.randint(100, 999)}"
        other = "".join(rng.choices(SYLLABLES, k=2))
        return rng.choice(
            [f"{word} {other}".title(), f"{word} {other}".upper(), phone, word.title(), f"{word}.{other}"]
        )

    def _sheet(self, texts: list[str], ground: RGB, ink: RGB, kind: str) -> NDArray[np.uint8]:
        rng = self.rng
        font = self.typefaces.load(self.typefaces.any(), SIZE * rng.uniform(0.6, 1.0))
        boxes = [font.getbbox(text) for text in texts]
        pad = int(SIZE * rng.uniform(0.1, 0.5))
        pitch = max(box[3] for box in boxes) + pad // 3
        width, height = int(max(box[2] for box in boxes)) + 2 * pad, int(pitch * len(texts)) + 2 * pad
        solid = kind == "notice" or (kind == "badge" and rng.random() < 0.5)
        picture = Image.new("RGBA", (width, height), (*(ground if solid else ink), 255 if solid else 0))
        draw = ImageDraw.Draw(picture)
        if solid and kind == "badge":
            picture.putalpha(0)
            draw.rounded_rectangle((0, 0, width - 1, height - 1), height // 2, fill=(*ground, 255), outline=(*ink, 255))
        opacity = 255 if solid or rng.random() < 0.5 else rng.randint(90, 200)
        for line, text in enumerate(texts):
            left = pad if rng.random() < 0.5 else (width - boxes[line][2]) // 2
            draw.text((left, pad + line * pitch), text, fill=(*ink, opacity), font=font)
        return np.ascontiguousarray(np.asarray(picture)[..., [2, 1, 0, 3]])

    def _grid(self) -> NDArray[np.uint8]:
        """A window, a grille, a fence, an empty panel: plate-shaped, with bars or nothing in it."""
        rng = self.rng
        width, height = rng.randint(120, 420), rng.randint(60, 160)
        picture = Image.new("RGBA", (width, height), (*any_colour(rng, 0), 255))
        draw = ImageDraw.Draw(picture)
        bar = any_colour(rng, 0)
        across, down = rng.choice([0, 1, 2, 4, 8, 14]), rng.choice([0, 0, 1, 2, 5])
        thick = rng.randint(3, 10)
        for n in range(across):
            x = width * (n + 1) / (across + 1)
            draw.rectangle((x - thick, 0, x + thick, height), fill=(*bar, 255))
        for n in range(down):
            y = height * (n + 1) / (down + 1)
            draw.rectangle((0, y - thick / 2, width, y + thick / 2), fill=(*bar, 255))
        if rng.random() < 0.3:  # a bay or house number: one or two characters, which no plate has alone
            text = "".join(rng.choices(string.digits + string.ascii_uppercase, k=rng.randint(1, 2)))
            font = self.typefaces.load(self.typefaces.any(), height * 0.7)
            draw.text((width / 2, height / 2), text, fill=(*bar, 255), font=font, anchor="mm")
        return np.ascontiguousarray(np.asarray(picture)[..., [2, 1, 0, 3]])

    def _front(self) -> NDArray[np.uint8]:
        """A house's front: rows of windows with frames, panes, sills, blinds or balconies."""
        rng = self.rng
        across, down = rng.randint(1, 6), rng.randint(1, 5)
        wide, high = rng.randint(50, 150), rng.randint(50, 110)
        gap_x, gap_y = int(wide * rng.uniform(0.2, 1)), int(high * rng.uniform(0.2, 0.9))
        wall, frame, pane = any_colour(rng, 60), any_colour(rng, 0), any_colour(rng, 0, 160)
        picture = Image.new("RGBA", (across * (wide + gap_x) + gap_x, down * (high + gap_y) + gap_y), (*wall, 255))
        draw = ImageDraw.Draw(picture)
        edge, panes, blinds = rng.randint(2, 8), rng.randint(1, 4), rng.random()
        for row in range(down):
            for column in range(across):
                x, y = gap_x + column * (wide + gap_x), gap_y + row * (high + gap_y)
                self._window(draw, (x, y, wide, high), (frame, pane), (edge, panes))
                if blinds < 0.3:
                    draw.rectangle((x, y, x + wide, y + high * rng.uniform(0.1, 0.9)), fill=(*frame, 255))
                elif blinds < 0.5:  # a balcony's rail
                    for bar in (x + n * wide / 8 for n in range(8)):
                        draw.rectangle((bar, y + high * 0.6, bar + 2, y + high * 1.1), fill=(*frame, 255))
        return np.ascontiguousarray(np.asarray(picture)[..., [2, 1, 0, 3]])

    def _window(
        self,
        draw: ImageDraw.ImageDraw,
        place: tuple[int, int, int, int],
        colours: tuple[RGB, RGB],
        parts: tuple[int, int],
    ) -> None:
        """place: left, top, width, height; colours: of frame and panes; parts: the frame's width, how many panes."""
        (x, y, wide, high), (frame, pane), (edge, panes) = place, colours, parts
        draw.rectangle((x, y, x + wide, y + high), fill=(*frame, 255))
        one = (wide - edge) / panes
        for left in (x + edge + n * one for n in range(panes)):
            shade = tuple(max(0, min(255, channel + self.rng.randint(-25, 25))) for channel in pane)
            draw.rectangle((left, y + edge, left + one - edge, y + high - edge), fill=(*shade, 255))
