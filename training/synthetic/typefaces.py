"""What a country's letters are drawn with: a free typeface that stands for its own, after fonts.csv, or a die."""

import random
from functools import lru_cache
from pathlib import Path

from PIL import ImageFont

from training.synthetic.dies import Die, cut_die

FE = ["GL-Nummernschild-Mtl", "GL-Nummernschild-Eng"]
DIN = [
    "D-DIN-Bold", "D-DINCondensed-Bold", "D-DINExp-Bold", "OSP-DIN", "Gidole-Regular", "RobotoCondensed_700Bold",
    "BarlowSemiCondensed_700Bold", "BarlowCondensed_700Bold",
]  # fmt: skip
AMERICAN = [
    "routed-gothic-narrow", "routed-gothic", "RG2014B", "RG2014C", "RG2014D", "Rajdhani_700Bold",
    "BarlowCondensed_500Medium",
    "Khand_700Bold", "Teko_500Medium", "SairaCondensed_500Medium", "SairaCondensed_700Bold", "ArchivoNarrow_500Medium",
    "Oswald_500Medium", "Oswald_700Bold", "D-DINCondensed-Bold", "Dosis_700Bold", "Quantico_700Bold",
    "ChakraPetch_700Bold",
    "PathwayGothicOne_400Regular", "Mohave_500Medium", "BebasNeue_400Regular", "FjallaOne_400Regular",
    "LeagueGothic_400Regular", "Antonio_500Medium", "Antonio_700Bold",
]  # fmt: skip
BRITISH = [
    "OverpassMono_700Bold", "Overpass_700Bold", "D-DIN-Bold", "BarlowSemiCondensed_700Bold",
    "SairaSemiCondensed_700Bold",
    "RobotoCondensed_700Bold", "RG2014D", "RG2014C", "Antonio_700Bold", "ArchivoNarrow_700Bold",
]  # fmt: skip
BRAZILIAN = [
    "OSP-DIN", "D-DINCondensed-Bold", "D-DIN-Bold", "SairaCondensed_500Medium", "SairaCondensed_700Bold",
    "BarlowCondensed_700Bold", "SairaSemiCondensed_700Bold", "SairaSemiCondensed_500Medium", "RG2014C", "RG2014D",
    "Rajdhani_700Bold", "Overpass_700Bold", "Oxanium_700Bold", "ChakraPetch_700Bold",
]  # fmt: skip
# How often a plate is stamped with a die of its own; FE-Schrift is known.
DIE_SHARES = {"us": 0.5, "ar": 0.6, "br": 0.45, "pk": 0.5, "gb": 0.25}
DIE_SHARE, FE_DIE_SHARE = 0.3, 0.04
AMERICAN_USERS = {"us", "ca", "mx", "au", "nz", "pk", "in", "ae", "ar"}
BRITISH_USERS = {"gb", "ie", "my", "za", "ke"}


class Typefaces:
    """The typefaces of a folder, by file name without its ending."""

    def __init__(self, folder: Path, rng: random.Random) -> None:
        self.folder, self.rng = folder, rng
        self.all = sorted(path.stem for path in folder.glob("*.ttf"))
        if not self.all:
            raise FileNotFoundError(f"{folder} holds no .ttf typeface")

    def for_plate(self, country: str, words: str) -> str | Die:
        """A typeface like the one that a country's row names, or a die; now and then any typeface, so that the reader
        knows more than one.
        """
        rng = self.rng
        if rng.random() < (FE_DIE_SHARE if "FE-Schrift" in words else DIE_SHARES.get(country, DIE_SHARE)):
            return cut_die(country, rng)
        if rng.random() < 0.15:
            return rng.choice(self.all)
        if "FE-Schrift" in words:
            return rng.choice(FE)
        if country in AMERICAN_USERS and rng.random() < 0.85:
            return rng.choice(AMERICAN)
        if country in BRITISH_USERS | {"pk"}:
            return rng.choice(BRITISH)
        if country == "br" and rng.random() < 0.8:
            return rng.choice(BRAZILIAN)
        return rng.choice(DIN + AMERICAN[:6] if rng.random() < 0.9 else self.all)

    def any(self) -> str:
        return self.rng.choice(self.all)

    def load(self, name: str, size: float) -> ImageFont.FreeTypeFont:
        return _load(self.folder / f"{name}.ttf", max(6, int(size)))


@lru_cache(maxsize=4096)
def _load(path: Path, size: int) -> ImageFont.FreeTypeFont:
    return ImageFont.truetype(str(path), size)
