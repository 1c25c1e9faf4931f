"""Real plates with their characters in another order: the same camera, light and letters, and a text that is new.

A few thousand real plates are soon known by heart; what is known teaches nothing more. Between two characters a plate
can be cut from top to bottom, if it stands upright. Where the characters are is told by the committed reader, which is
given the text: the likeliest path through its places. A plate counts only if the reader reads it in other orders, too.

    python -m training.reader.shuffle      (about 3 minutes on one core; made by the first training run, else)
"""

import json
import random
from collections.abc import Sequence
from dataclasses import replace

import cv2
import numpy as np
import torch
from numpy.typing import NDArray

from training.folders import ROOT, SHARED
from training.reader import crops
from training.reader.classes import ALPHABET, BLANK, NO_REGION, REGIONS, STATES, collapsed, text_classes
from training.reader.crops import RealPlate
from training.reader.network import PlateReader
from training.run import averaged_weights, state_file
from training.synthetic.camera import READER_SIZE

CUTS = ROOT / "training/work/cuts.json"
MARGIN_X, MARGIN_Y = 0.04, 0.08  # of the plate's width and height, round the box that the reader sees
PLACES = 40  # of one row
TRIALS, ENOUGH = 4, 3  # orders that a plate is read in, and those that must be read right
BATCH = 64


def shuffled(plate: RealPlate, cuts: Sequence[float], rng: random.Random) -> RealPlate:
    """The plate in another order. cuts: x of the characters' edges in its picture, one more than characters. What
    stands above and below the text is cut with it, so that the country and the state are not told any more.
    """
    at, known = [round(x) for x in cuts], plate.text or ""
    order = list(range(len(known)))
    rng.shuffle(order)
    picture = plate.picture
    strips = [picture[:, at[n] : at[n + 1]] for n in order]
    joined = np.concatenate([picture[:, : at[0]], *strips, picture[:, at[-1] :]], 1)
    text = "".join(known[n] for n in order)
    return replace(plate, picture=joined, text=text, region=NO_REGION, state=NO_REGION)


def known_cuts(plates: Sequence[RealPlate]) -> list[list[float] | None]:
    """The characters' edges of each plate; None where they are not told apart. Made once, then kept in CUTS."""
    if not CUTS.exists():
        CUTS.parent.mkdir(parents=True, exist_ok=True)
        CUTS.write_text(json.dumps(_cuts(plates)))
    kept = json.loads(CUTS.read_text())
    if len(kept) != len(plates):
        raise ValueError(f"{CUTS} is of other plates; remove it, and it is made again.")
    return kept


def _cuts(plates: Sequence[RealPlate]) -> list[list[float] | None]:
    network = PlateReader(len(ALPHABET) + 1, len(REGIONS), len(STATES))
    network.load_state_dict(averaged_weights(state_file("reader")))
    network.eval()
    rng = random.Random(1)
    found = [_edges(plate, logits) for plate, logits in zip(plates, _logits(network, plates), strict=True)]
    sure = [n for n, edges in enumerate(found) if edges is not None]
    right = dict.fromkeys(sure, 0)
    for _ in range(TRIALS):
        tried = [shuffled(plates[n], found[n] or [], rng) for n in sure]
        for n, plate, logits in zip(sure, tried, _logits(network, tried), strict=True):
            right[n] += collapsed(logits.argmax(-1).tolist()) == text_classes(plate.text or "")
    return [edges if right.get(n, 0) >= ENOUGH else None for n, edges in enumerate(found)]


def _logits(network: PlateReader, plates: Sequence[RealPlate]) -> list[NDArray[np.float32]]:
    rows: list[NDArray[np.float32]] = []
    for at in range(0, len(plates), BATCH):
        pictures = np.stack([_upright(plate)[..., ::-1] for plate in plates[at : at + BATCH]]).transpose(0, 3, 1, 2)
        with torch.no_grad():
            rows += list(network(torch.from_numpy(np.ascontiguousarray(pictures))).text.log_softmax(-1).numpy())
    return rows


def _window(plate: RealPlate) -> tuple[float, float, float, float]:
    """The part of the picture that the reader sees: x1, y1, x2, y2."""
    x1, y1, x2, y2 = plate.box
    side, edge = MARGIN_X * (x2 - x1), MARGIN_Y * (y2 - y1)
    return x1 - side, y1 - edge, x2 + side, y2 + edge


def _upright(plate: RealPlate) -> NDArray[np.uint8]:
    x1, y1, x2, y2 = _window(plate)
    matrix = np.array([[READER_SIZE[0] / (x2 - x1), 0, 0], [0, READER_SIZE[1] / (y2 - y1), 0]], np.float32)
    matrix[:, 2] = -matrix[0, 0] * x1, -matrix[1, 1] * y1
    how = cv2.INTER_AREA if x2 - x1 > READER_SIZE[0] else cv2.INTER_LINEAR
    return cv2.warpAffine(plate.picture, matrix, READER_SIZE, flags=how, borderMode=cv2.BORDER_REPLICATE)


def _edges(plate: RealPlate, logits: NDArray[np.float32]) -> list[float] | None:
    """Half-way between neighbours; None for two lines, for a text that the reader does not see there, and where the
    characters stand too unevenly to be right.
    """
    if plate.text is None or len(plate.text) < 3:
        return None
    places = _path(logits, text_classes(plate.text))
    if places is None or places[0] // PLACES != places[-1] // PLACES:
        return None
    x1, _, x2, _ = _window(plate)
    middles = np.array([x1 + (place % PLACES + 0.5) / PLACES * (x2 - x1) for place in places])
    steps = np.diff(middles)
    if steps.min() < 0.4 * np.median(steps) or steps.max() > 2.6 * np.median(steps):
        return None
    inner = (middles[1:] + middles[:-1]) / 2
    half = float(np.median(steps)) / 2
    edges = [max(0.0, middles[0] - half), *inner.tolist(), min(plate.picture.shape[1], middles[-1] + half)]
    return [round(float(x), 1) for x in edges] if min(np.diff(edges)) >= 2 else None


def _path(logits: NDArray[np.float32], classes: list[int]) -> list[int] | None:
    """Place of each character on the likeliest CTC path of this text (its strongest place); None where it does not
    fit.
    """
    states = [BLANK]
    for each in classes:
        states += [each, BLANK]
    count, steps = len(states), len(logits)
    best = np.full((steps, count), -np.inf)
    back = np.zeros((steps, count), int)
    best[0, 0], best[0, 1] = logits[0, BLANK], logits[0, states[1]]
    for t in range(1, steps):
        for s in range(count):
            options = [s, s - 1] if s else [s]
            if s > 1 and states[s] != BLANK and states[s] != states[s - 2]:
                options.append(s - 2)
            before = max(options, key=lambda o, t=t: best[t - 1, o])
            back[t, s], best[t, s] = before, best[t - 1, before] + logits[t, states[s]]
    s = count - 1 if best[-1, -1] >= best[-1, -2] else count - 2
    if not np.isfinite(best[-1, s]):
        return None
    strongest: dict[int, tuple[float, int]] = {}
    for t in range(steps - 1, -1, -1):
        if states[s] != BLANK:
            strongest[s] = max(strongest.get(s, (-np.inf, t)), (float(logits[t, states[s]]), t))
        s = back[t, s]
    return [strongest[s][1] for s in sorted(strongest)]


def main() -> None:
    torch.set_num_threads(1)
    cuts = known_cuts(crops.load(SHARED / "data", SHARED / "reference"))
    print(f"{sum(each is not None for each in cuts)} of {len(cuts)} plates can be shuffled")


if __name__ == "__main__":
    main()
