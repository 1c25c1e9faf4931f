"""Renders the sample picture of the repository: a street, a car, and a plate that no office ever issued.

    python -m training.sample [PICTURE]        (default: tests/fixtures/sample.jpg)

All of it is drawn here. The plate is German in shape; "PH" is no German district, so nobody drives with it. Its font
comes from the folder that PLATEHOST_SHARED names (default: ../shared beside the checkout).
"""

import os
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image, ImageChops, ImageDraw, ImageFilter, ImageFont

ROOT = Path(__file__).resolve().parent.parent
SHARED = Path(os.environ.get("PLATEHOST_SHARED", ROOT.parent / "shared"))
FONT = SHARED / "fonts" / "GL-Nummernschild-Eng.ttf"
TEXT = ("PH", "ST 482")
SIZE = (1280, 720)  # pixels of the finished picture
SCALE = 2  # everything is drawn larger and shrunk, which smooths the edges
PLATE_SIZE = (520, 110)  # millimetres, as German plates are; one pixel each before it is put on the car
SEED = 20260501

Colour = tuple[int, int, int]
Point = tuple[float, float]


def draw_plate(text: Sequence[str]) -> Image.Image:
    """A plate of 520 x 110 pixels, RGB: blue band at the left, the two groups of `text`, black on white."""
    width, height = PLATE_SIZE
    plate = Image.new("RGB", (width * 4, height * 4), (238, 238, 232))
    pen = ImageDraw.Draw(plate)
    pen.rounded_rectangle((0, 0, width * 4 - 1, height * 4 - 1), radius=40, outline=(20, 20, 20), width=14)
    pen.rectangle((14, 14, 160, height * 4 - 15), fill=(12, 58, 150))
    font = ImageFont.truetype(str(FONT), 415)
    gap = 110
    spans = [pen.textbbox((0, 0), group, font=font) for group in text]
    total = sum(span[2] - span[0] for span in spans) + gap * (len(text) - 1)
    x = 160 + (width * 4 - 174 - total) / 2
    for group, span in zip(text, spans, strict=True):
        y = (height * 4 - (span[3] - span[1])) / 2 - span[1]
        pen.text((x - span[0], y), group, font=font, fill=(15, 15, 18))
        x += span[2] - span[0] + gap
    # Two seals stand between the groups.
    middle = 160 + (width * 4 - 174 - total) / 2 + (spans[0][2] - spans[0][0]) + gap / 2
    for y, colour in ((130, (196, 150, 60)), (300, (120, 130, 140))):
        pen.ellipse((middle - 34, y - 34, middle + 34, y + 34), fill=colour, outline=(90, 90, 90), width=4)
    return plate.resize(PLATE_SIZE, Image.Resampling.LANCZOS)


class Canvas:
    """A picture that is drawn in shaded shapes; coordinates are those of the finished picture."""

    def __init__(self, size: tuple[int, int]) -> None:
        self.picture = Image.new("RGB", (size[0] * SCALE, size[1] * SCALE))

    def shade(self, mask: Image.Image, top: Colour, bottom: Colour, blur: float = 0) -> None:
        """Fill `mask` with a gradient from its upper to its lower edge."""
        box = mask.getbbox()
        if box is None:
            return
        if blur:
            mask = mask.filter(ImageFilter.GaussianBlur(blur * SCALE))
            box = mask.getbbox() or box
        share = np.linspace(0, 1, box[3] - box[1])[:, None, None]
        rows = np.asarray(top) * (1 - share) + np.asarray(bottom) * share
        fill = Image.fromarray(np.broadcast_to(rows, (box[3] - box[1], box[2] - box[0], 3)).astype(np.uint8))
        self.picture.paste(fill, box, mask.crop(box))

    def _mask(self) -> tuple[Image.Image, ImageDraw.ImageDraw]:
        mask = Image.new("L", self.picture.size)
        return mask, ImageDraw.Draw(mask)

    def polygon(self, points: Sequence[Point], top: Colour, bottom: Colour, blur: float = 0, smooth: float = 0) -> None:
        mask, pen = self._mask()
        pen.polygon([(x * SCALE, y * SCALE) for x, y in points], fill=255)
        if smooth:  # rounds the corners
            mask = mask.filter(ImageFilter.GaussianBlur(smooth * SCALE)).point(lambda v: 255 if v > 127 else 0)
        self.shade(mask, top, bottom, blur)

    def rounded(self, box: Sequence[float], radius: float, top: Colour, bottom: Colour, blur: float = 0) -> None:
        mask, pen = self._mask()
        pen.rounded_rectangle([v * SCALE for v in box], radius * SCALE, fill=255)
        self.shade(mask, top, bottom, blur)

    def ellipse(self, box: Sequence[float], top: Colour, bottom: Colour, blur: float = 0) -> None:
        mask, pen = self._mask()
        pen.ellipse([v * SCALE for v in box], fill=255)
        self.shade(mask, top, bottom, blur)

    def put(self, image: Image.Image, corners: Sequence[Point]) -> None:
        """Put `image` onto the quadrilateral `corners`, clockwise from its top left."""
        target = [(x * SCALE, y * SCALE) for x, y in corners]
        w, h = image.size
        source = [(0, 0), (w, 0), (w, h), (0, h)]
        rows, values = [], []
        for (x, y), (u, v) in zip(target, source, strict=True):
            rows += [[x, y, 1, 0, 0, 0, -u * x, -u * y], [0, 0, 0, x, y, 1, -v * x, -v * y]]
            values += [u, v]
        terms = np.linalg.solve(np.asarray(rows, float), np.asarray(values, float))
        size, bicubic = self.picture.size, Image.Resampling.BICUBIC
        warped = image.transform(size, Image.Transform.PERSPECTIVE, terms, bicubic)
        mask = Image.new("L", image.size, 255).transform(size, Image.Transform.PERSPECTIVE, terms, bicubic)
        self.picture.paste(warped, (0, 0), mask)


def draw_street(canvas: Canvas, random: np.random.Generator) -> None:
    width, height = SIZE
    canvas.rounded((0, 0, width, 330), 0, (150, 182, 214), (214, 224, 232))
    for left in range(-40, width, 210):
        top = int(random.integers(20, 130))
        grey = int(random.integers(130, 190))
        wall = (grey + 14, grey, grey - int(random.integers(4, 28)))
        canvas.rounded((left, top, left + 202, 340), 0, wall, (wall[0] - 30, wall[1] - 30, wall[2] - 30))
        for x in range(left + 22, left + 180, 46):
            for y in range(top + 24, 290, 58):
                canvas.rounded((x, y, x + 24, y + 36), 1, (66, 82, 98), (104, 122, 138))
    for _ in range(46):
        x, y, r = random.integers(-30, width), random.integers(235, 300), random.integers(18, 46)
        green = int(random.integers(70, 120))
        canvas.ellipse((x - r, y - r, x + r, y + r), (green - 30, green + 10, 44), (30, 54, 28), 3)
    canvas.rounded((0, 318, width, 352), 0, (158, 156, 150), (128, 126, 122))
    canvas.rounded((0, 350, width, height), 0, (86, 87, 90), (118, 118, 120))
    canvas.polygon([(150, 352), (158, 352), (40, 720), (0, 720)], (190, 190, 184), (214, 214, 208), 0.6)
    canvas.polygon([(1120, 352), (1128, 352), (1280, 700), (1256, 720)], (190, 190, 184), (214, 214, 208), 0.6)


def draw_car(canvas: Canvas) -> None:
    """A car from the front, centre line at x = 640, wheels on the ground at y = 640."""
    paint, dark, shine = (44, 84, 132), (20, 40, 70), (112, 150, 190)
    canvas.ellipse((330, 590, 950, 672), (30, 30, 32), (40, 40, 42), 12)
    for left in (376, 822):
        canvas.rounded((left, 520, left + 82, 646), 18, (22, 22, 24), (34, 34, 36))
    roof = [(474, 190), (520, 168), (640, 162), (760, 168), (806, 190), (852, 316), (428, 316)]
    canvas.polygon(roof, shine, paint, 0, 6)
    canvas.polygon([(490, 200), (640, 188), (790, 200), (830, 306), (450, 306)], (52, 66, 78), (24, 30, 36), 0, 4)
    canvas.polygon([(505, 206), (600, 198), (548, 300), (468, 300)], (96, 112, 124), (44, 54, 62), 5)
    for side in (-1, 1):
        canvas.ellipse((640 + side * 232 - 34, 282, 640 + side * 232 + 34, 322), shine, dark)
    body = [(424, 312), (856, 312), (902, 372), (912, 470), (904, 590), (376, 590), (368, 470), (378, 372)]
    canvas.polygon(body, shine, dark, 0, 10)
    canvas.polygon([(446, 316), (834, 316), (870, 372), (410, 372)], shine, paint, 2, 4)
    for side in (-1, 1):
        crease = [(640 + side * x, y) for x, y in ((118, 318), (122, 318), (133, 372), (127, 372))]
        canvas.polygon(crease, dark, paint, 1)
    for side in (-1, 1):
        lamp = [(640 + side * x, y) for x, y in ((252, 380), (160, 392), (172, 436), (258, 430))]
        canvas.polygon(lamp, (226, 232, 236), (128, 138, 146), 0.5, 6)
        canvas.ellipse((640 + side * 216 - 20, 388, 640 + side * 216 + 20, 428), (252, 252, 246), (196, 204, 210), 1)
    canvas.rounded((490, 388, 790, 452), 14, (24, 26, 28), (40, 42, 46))
    for y in range(398, 448, 13):
        canvas.rounded((498, y, 782, y + 4), 2, (128, 132, 136), (70, 74, 78))
    canvas.ellipse((618, 396, 662, 440), (206, 210, 214), (120, 124, 130))
    canvas.rounded((380, 462, 900, 470), 3, dark, paint)
    canvas.rounded((452, 540, 828, 580), 12, (20, 21, 23), (34, 36, 38))
    for side in (-1, 1):
        canvas.ellipse((640 + side * 222 - 22, 532, 640 + side * 222 + 22, 566), (206, 212, 214), (112, 118, 122), 1)
    canvas.rounded((380, 586, 900, 604), 6, (18, 18, 20), (28, 28, 30))


def render() -> Image.Image:
    """The sample picture, RGB, SIZE pixels; the same one in every run."""
    random = np.random.default_rng(SEED)
    canvas = Canvas(SIZE)
    draw_street(canvas, random)
    draw_car(canvas)
    canvas.rounded((541, 472, 739, 520), 3, (26, 27, 29), (30, 31, 33))
    canvas.put(draw_plate(TEXT), [(545, 475), (735, 473.5), (735, 515.5), (545, 517)])
    picture = canvas.picture.resize(SIZE, Image.Resampling.LANCZOS).filter(ImageFilter.GaussianBlur(0.5))
    noise = Image.fromarray(np.clip(random.normal(128, 3, (SIZE[1], SIZE[0])), 0, 255).astype(np.uint8))
    return ImageChops.add(picture, Image.merge("RGB", [noise] * 3), offset=-128)


def main() -> None:
    target = Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT / "tests" / "fixtures" / "sample.jpg"
    target.parent.mkdir(parents=True, exist_ok=True)
    render().save(target, quality=90)
    print(target)


if __name__ == "__main__":
    main()
