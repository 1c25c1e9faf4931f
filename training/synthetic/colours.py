"""Colours from the words of plate_formats.csv, as RGB 0..255."""

import random
import re

RGB = tuple[int, int, int]
WORDS: dict[str, RGB] = {
    "white": (240, 240, 238), "yellow": (240, 200, 40), "black": (22, 22, 22), "grey": (170, 172, 175), "blue": (30,
    60, 160),
    "red": (190, 30, 35), "green": (30, 110, 60), "gold": (230, 180, 40), "orange": (240, 140, 30), "silver": (180,
    182, 185),
    "maroon": (100, 20, 30), "ruby": (140, 20, 50), "purple": (90, 50, 130), "teal": (30, 130, 130), "turquoise": (60,
    190, 180),
}  # fmt: skip
SHADES: dict[str, RGB] = {"light blue": (170, 205, 235), "dark blue": (20, 30, 90), "dark green": (15, 70, 40)}


def any_colour(rng: random.Random, low: int = 0, high: int = 255) -> RGB:
    return (rng.randint(low, high), rng.randint(low, high), rng.randint(low, high))


def colour(words: str, default: str, rng: random.Random) -> RGB | None:
    """One of the colours that a cell names ("white front / yellow rear"); None where it names none ("graphic")."""
    options = [part for part in re.split(r" or |/|,|\(|;| front ", words.lower()) if part.strip()] or [default]
    option = rng.choice(options)
    for name, shade in SHADES.items():
        if name in option:
            return shade
    named = [word for word in re.split(r"[\s-]", option) if word in WORDS]
    return WORDS[rng.choice(named)] if named else None


def jittered(base: RGB, spread: float, rng: random.Random) -> RGB:
    r, g, b = (min(255, max(0, int(channel + rng.gauss(0, spread)))) for channel in base)
    return (r, g, b)


def too_alike(a: RGB, b: RGB) -> bool:
    return sum(abs(x - y) for x, y in zip(a, b, strict=True)) < 150
