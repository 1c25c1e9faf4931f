"""Letters as an office's dies stamp them: strokes drawn from centre lines, each set of letters a little different.

Typefaces that anyone may use are few, and drawn for print. The dies of plates are many: narrow, squared, with an I that
has serifs or none, a Q whose tail hardly shows, a 4 that is open or closed.
"""

import random
import re
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

Points = NDArray[np.float32]

OVERSAMPLED = 3
# Centre lines in a cell of 1 x 1, y down: strokes divided by ";", their points by blanks; "~" rounds a corner. A `|`
# divides the forms of a character that dies choose from.
FORMS = {
    "A": "0,1 .5,0 1,1;.2,.66 .8,.66|0,1 .36,0 .64,0 1,1;.15,.66 .85,.66|0,1 0,.3~ .5,0~ 1,.3~ 1,1;0,.6 1,.6",
    "B": "0,0 .92,0~ .92,.48~ 0,.48;0,.48 1,.48~ 1,1~ 0,1;0,0 0,1|0,0 1,0~ 1,.48~ 0,.48;0,.48 1,.48~ 1,1~ 0,1;0,0 0,1",
    "C": "1,.26 1,0~ 0,0~ 0,1~ 1,1~ 1,.74|1,.18 1,0~ 0,0~ 0,1~ 1,1~ 1,.82",
    "D": "0,0 1,0~ 1,1~ 0,1 0,0",
    "E": "1,0 0,0 0,1 1,1;0,.48 .85,.48|1,0 0,0 0,1 1,1;0,.5 1,.5",
    "F": "1,0 0,0 0,1;0,.5 .85,.5|1,0 0,0 0,1;0,.46 .95,.46",
    "G": "1,.26 1,0~ 0,0~ 0,1~ 1,1~ 1,.56 .55,.56|1,.2 1,0~ 0,0~ 0,1~ 1,1 1,.55 .6,.55"
    "|1,.26 1,0~ 0,0~ 0,1~ 1,1~ 1,.58 .72,.58",
    "H": "0,0 0,1;1,0 1,1;0,.5 1,.5",
    "I": ".5,0 .5,1|.5,0 .5,1;0,0 1,0;0,1 1,1",
    "J": "1,0 1,1~ 0,1~ 0,.72|.45,0 1,0 1,1~ 0,1~ 0,.75|.8,0 .8,1~ 0,1",
    "K": "0,0 0,1;1,0 0,.6;.32,.4 1,1|0,0 0,1;1,0 .1,.5 1,1",
    "L": "0,0 0,1 1,1",
    "M": "0,1 0,0 .5,.62 1,0 1,1|0,1 0,0 .5,1 1,0 1,1|0,1 0,0 .5,.42 1,0 1,1",
    "N": "0,1 0,0 1,1 1,0",
    "O": ".5,0 1,0~ 1,1~ 0,1~ 0,0~ .5,0",
    "P": "0,1 0,0 1,0~ 1,.52~ 0,.52|0,1 0,0 1,0~ 1,.6~ 0,.6",
    "Q": ".5,0 1,0~ 1,1~ 0,1~ 0,0~ .5,0;.58,.72 1,1.03|.5,0 1,0~ 1,1~ 0,1~ 0,0~ .5,0;.7,.84 1.06,1.08"
    "|.5,0 1,0~ 1,1~ 0,1~ 0,0~ .5,0;.5,.8 .95,1|.5,0 1,0~ 1,1~ 0,1~ 0,0~ .5,0;.55,.95 .75,1.12",
    "R": "0,1 0,0 1,0~ 1,.5~ 0,.5;.5,.5 1,1|0,1 0,0 1,0~ 1,.5~ 0,.5;.45,.5 1,.55~ 1,1"
    "|0,1 0,0 1,0~ 1,.55~ 0,.55;.2,.55 1,1",
    "S": "1,.24 1,0~ 0,0~ 0,.48~ 1,.48~ 1,1~ 0,1~ 0,.76|1,.2 1,0~ 0,0~ 0,.4~ 1,.56~ 1,1~ 0,1~ 0,.8",
    "T": "0,0 1,0;.5,0 .5,1",
    "U": "0,0 0,1~ 1,1~ 1,0",
    "V": "0,0 .5,1 1,0|0,0 .42,1 .58,1 1,0",
    "W": "0,0 .25,1 .5,.3 .75,1 1,0|0,0 .2,1 .5,0 .8,1 1,0|0,0 0,1 .5,.4 1,1 1,0",
    "X": "0,0 1,1;1,0 0,1",
    "Y": "0,0 .5,.52 1,0;.5,.52 .5,1|0,0 0,.3~ .5,.55 1,.3~ 1,0;.5,.55 .5,1",
    "Z": "0,0 1,0 0,1 1,1",
    "0": ".5,0 1,0~ 1,1~ 0,1~ 0,0~ .5,0",
    "1": ".6,1 .6,0 0,.22|.6,1 .6,0 .1,.1;.1,1 1,1|.5,0 .5,1|.6,1 .6,0 .25,.14",
    "2": "0,.26 0,0~ 1,0~ 1,.42~ 0,1 1,1|0,.24 0,0~ 1,0~ 1,.5~ 0,.56~ 0,1 1,1|0,.2 0,0~ 1,0~ 1,.3~ 0,.95 0,1 1,1",
    "3": "0,.22 0,0~ 1,0~ 1,.47~ .4,.47;.4,.47 1,.47~ 1,1~ 0,1~ 0,.78|0,0 1,0 .45,.42 1,.42~ 1,1~ 0,1~ 0,.78",
    "4": ".74,1 .74,0 0,.7 1,.7|.8,1 .8,0 .5,0 0,.74 1,.74|0,0 0,.62 1,.62;.72,.25 .72,1|.55,0 0,.7 1,.7;.75,.35 .75,1"
    "|.85,1 .85,0 .5,0 0,.8 1,.8",
    "5": "1,0 .06,0 0,.45 1,.38~ 1,1~ 0,1~ 0,.78|1,0 0,0 0,.42 1,.42~ 1,1~ 0,1~ 0,.8",
    "6": "1,.22 1,0~ 0,0~ 0,1~ 1,1~ 1,.45~ 0,.45|.8,0 0,.5~ 0,1~ 1,1~ 1,.48~ 0,.48|.9,0 0,.1~ 0,1~ 1,1~ 1,.42~ 0,.46",
    "7": "0,0 1,0 .35,1|0,0 1,0 1,.2 .4,.6~ .4,1|0,.12 0,0 1,0 .3,1",
    "8": ".5,0 .95,0~ .95,.47~ .05,.47~ .05,0~ .5,0;.5,.47 1,.47~ 1,1~ 0,1~ 0,.47~ .5,.47",
    "9": "0,.78 0,1~ 1,1~ 1,0~ 0,0~ 0,.55~ 1,.55|.2,1 1,.5~ 1,0~ 0,0~ 0,.52~ 1,.52|.1,1 1,.9~ 1,0~ 0,0~ 0,.58~ 1,.54",
}  # fmt: skip
# Cells beside the width of most, where a form is no mere bar; a 1 has what its form needs.
CELLS = {"M": 1.15, "W": 1.2, "E": 0.92, "F": 0.9, "L": 0.9, "J": 0.9, "I": 0.7}
BAR, WITH_SERIFS = FORMS["I"].split("|")
FLAT_FOURS = [form for form in FORMS["4"].split("|") if ",0 .5,0 " in form]
# Width and weight of a country's dies, from and to; Britain's after Charles Wright's letters, of 50 x 79 mm.
PROPORTIONS = {
    "us": (0.26, 0.42, 0.08, 0.15), "ar": (0.34, 0.48, 0.12, 0.19), "gb": (0.42, 0.5, 0.14, 0.19),
    "pk": (0.34, 0.62, 0.08, 0.17), "br": (0.3, 0.45, 0.12, 0.18),
}  # fmt: skip
ANY_PROPORTIONS = (0.26, 0.52, 0.09, 0.19)
# Private work, as shops letter plates in Pakistan and India.
SERIF_SHARES = {"pk": 0.35, "in": 0.15}
SLANT_SHARES = {"pk": 0.15, "in": 0.1}
SLASH = ";.85,.15 .15,.85"


@dataclass(frozen=True)
class Die:
    """One set of letters. width: of most letters' centre lines, and weight: of the strokes, as shares of the height;
    radius: of round corners, as a share of the width; flat: whether strokes end square; forms: the centre lines of each
    character; contrast: how much thicker strokes are down than across; serifs: whether they have feet; slant: how far
    the top leans to the right, as a share of the height.
    """

    width: float
    weight: float
    radius: float
    flat: bool
    forms: dict[str, str]
    contrast: float = 1.0
    serifs: bool = False
    slant: float = 0.0

    def _cell(self, c: str) -> float:
        form = self.forms[c]
        if form == BAR:
            return 0.0
        if c == "1":
            return self.width * (0.75 if ";" in form else 0.45)
        return self.width * CELLS.get(c, 1.0)

    def stamp(self, c: str, height: int) -> NDArray[np.uint8]:
        """The character's ink, 0 to 255, [height, its own width]; a tail that hangs below its line is cut."""
        thick = max(2.0, self.weight * height * OVERSAMPLED)
        cell = self._cell(c) * height * OVERSAMPLED
        # Drawn taller and pressed together afterwards, what lies across becomes thinner.
        high = round(height * OVERSAMPLED * self.contrast)
        foot = thick * 0.7 if self.serifs else 0.0
        picture = np.zeros((high, max(1, round(cell + thick + 2 * foot))), np.uint8)
        for stroke in self.forms[c].split(";"):
            points, round_corners = _points(stroke)
            scaled = points * np.float32([cell, high - thick]) + np.float32([thick / 2 + foot, thick / 2])
            line = _rounded(scaled, round_corners, self.radius * max(cell, 1.0))
            cv2.polylines(picture, [np.round(line).astype(np.int32)], False, 255, max(1, round(thick)))
            if self.flat:
                _square(picture, scaled, round_corners, thick / 2)
            for (_, y), (x, at) in ((points[0], scaled[0]), (points[-1], scaled[-1])):
                if foot and y in (0.0, 1.0):
                    start = int(x - thick / 2 - foot), int(at - thick / 2)
                    cv2.rectangle(picture, start, (int(x + thick / 2 + foot), int(at + thick / 2)), 255, -1)
        size = max(1, round(picture.shape[1] / OVERSAMPLED)), height
        return _leaning(cv2.resize(picture, size, interpolation=cv2.INTER_AREA), self.slant)


def cut_die(country: str, rng: random.Random) -> Die:
    """A set of letters as an office of this country may have had it cut."""
    narrowest, widest, lightest, heaviest = PROPORTIONS.get(country, ANY_PROPORTIONS)
    width, weight = rng.uniform(narrowest, widest), rng.uniform(lightest, heaviest)
    forms = {c: rng.choice(form.split("|")) for c, form in FORMS.items()}
    if rng.random() < 0.06:
        forms["0"] += SLASH
    if country == "ar" and rng.random() < 0.75:
        # Its 4 has a flat top and a low bar: from afar it looks like a 0.
        forms |= {"I": WITH_SERIFS, "4": rng.choice(FLAT_FOURS)}
    elif country == "gb":
        forms |= {"I": BAR, "1": BAR}
    serifs = rng.random() < SERIF_SHARES.get(country, 0.02)
    contrast = rng.uniform(1.2, 2.2) if serifs else 1.0
    slant = rng.uniform(0.08, 0.35) if rng.random() < SLANT_SHARES.get(country, 0.01) else 0.0
    radius, flat = rng.uniform(0.2, 0.5), serifs or rng.random() < 0.5
    return Die(width, min(weight, width * 0.42), radius, flat, forms, contrast, serifs, slant)


def _points(stroke: str) -> tuple[Points, list[bool]]:
    """The stroke's points [n, 2] and which of them are round corners."""
    words = stroke.split()
    places = [[float(number) for number in re.findall(r"\d*\.?\d+", word)] for word in words]
    return np.array(places, np.float32), [word.endswith("~") for word in words]


def _rounded(points: Points, corners: list[bool], radius: float) -> Points:
    """The line with its round corners turned into curves."""
    line: list[Points] = [points[0]]
    for n in range(1, len(points) - 1):
        before, at, after = points[n - 1 : n + 2]
        if not corners[n]:
            line.append(at)
            continue
        to, on = before - at, after - at
        first, second = float(np.linalg.norm(to)), float(np.linalg.norm(on))
        # A side between two corners is shared by them; a stroke's end leaves all of it.
        reach = min(radius, first if n == 1 else first / 2, second if n == len(points) - 2 else second / 2)
        start, end = at + to * (reach / max(first, 1e-6)), at + on * (reach / max(second, 1e-6))
        for t in np.linspace(0, 1, 7):
            # Between the corner itself and the chord's middle: near a circle's arc.
            line.append((1 - t) ** 2 * start + 2 * t * (1 - t) * at + t**2 * end)
    line.append(points[-1])
    return np.array(line, np.float32)


def _square(picture: NDArray[np.uint8], points: Points, corners: list[bool], half: float) -> None:
    """Squares a stroke's two ends and its sharp right angles, which a round pen leaves round."""
    for end, inner in ((points[0], points[1]), (points[-1], points[-2])):
        along = (end - inner) / max(1e-6, float(np.linalg.norm(end - inner))) * half
        across = np.array([-along[1], along[0]])
        cap = [end + across, end + along + across, end + along - across, end - across]
        cv2.fillConvexPoly(picture, np.round(cap).astype(np.int32), 255)
    for before, at, after, is_round in zip(points, points[1:], points[2:], corners[1:], strict=False):
        if not is_round and abs(float(np.dot(before - at, after - at))) < 1e-3:
            low, high = np.round(at - half).astype(int), np.round(at + half).astype(int)
            cv2.rectangle(picture, low.tolist(), high.tolist(), 255, -1)


def _leaning(letter: NDArray[np.uint8], slant: float) -> NDArray[np.uint8]:
    """The letter with its top moved to the right by `slant` of its height."""
    if not slant:
        return letter
    height, width = letter.shape
    matrix = np.float32([[1, -slant, slant * height], [0, 1, 0]])
    return cv2.warpAffine(letter, matrix, (int(width + slant * height), height))
