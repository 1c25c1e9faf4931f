"""Scores that mean something: of the readings of score 0.9, 9 of 10 are right.

Three temperatures are fitted on plates that taught the reader nothing: fresh drawn ones, and fresh cuts of the real
plates that `crops.held_out` keeps from training. The text's two make the score of a reading, P(text) ** (1 / length),
the chance that all of the text is right. The region's makes the score of a region the chance of that country, as far as
the few real plates tell.
"""

import math
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from training.reader import crops
from training.reader.classes import BLANK, NO_REGION, collapsed, region_class, text_classes
from training.reader.network import PlateReader, Temperatures, text_probabilities
from training.synthetic.camera import Camera
from training.synthetic.plate import PlateMaker

DRAWN, CUTS = 800, 3  # drawn plates; cuts of each real one
SEED = 20_000_003  # training draws with its own seed plus the plates it has seen: never this one
SCENES = 60
BATCH = 32
LEAST, MOST = 0.5, 4.0  # temperatures that are looked at
ROUNDS, STEPS = 3, 8
SUREST = 1e-6

Plate = tuple[np.ndarray, str, int]  # uint8 BGR [64, 160, 3], text, region class


def calibration(network: PlateReader, shared: Path, *, real: bool = True) -> Temperatures:
    """Temperatures for a network in eval mode. Without `real` on drawn plates alone: for a network that was trained on
    the plates which are held out today.
    """
    camera = Camera(SEED)
    plates = list(_drawn(shared, camera)) + (list(_real(shared, camera)) if real else [])
    text, region = _logits(network, plates)
    truths = [truth for _, truth, _ in plates]
    # The country of a drawn plate is easier to tell than that of a real one: real ones alone say how sure to be.
    drawn = DRAWN if real else 0
    regions = torch.tensor([NO_REGION] * drawn + [code for _, _, code in plates[drawn:]])
    # Real plates never make it surer than it was learned: few, of few countries, they cannot show that. Drawn ones may:
    # the labels that it learned from were smoothed.
    found = fitted(text, region, truths, regions, 1.0 if real else LEAST)
    print(f"{len(plates)} plates calibrate the reader's scores: {found}", flush=True)
    return found


def fitted(text: Tensor, region: Tensor, truths: list[str], regions: Tensor, least: float) -> Temperatures:
    """The temperatures under which what happened is likeliest. text: logits [n, places, classes]; region: logits
    [n, regions]; regions: classes [n], NO_REGION where unknown; least: the region's lowest temperature.
    """
    read = [collapsed(row) for row in text.argmax(-1).tolist()]
    right = correct(read, truths)

    def text_cost(place: float, character: float) -> float:
        score = reading_scores(text, read, Temperatures(place, character, 1.0))
        return float(functional.binary_cross_entropy(score.clamp(SUREST, 1 - SUREST), right))

    place = character = 1.0
    for _ in range(ROUNDS):
        character = _lowest(partial(text_cost, place))
        place = _lowest(lambda value, character=character: text_cost(value, character))
    known = regions != NO_REGION
    if not known.any():
        return Temperatures(place, character, 1.0)
    country = _lowest(lambda value: float(functional.cross_entropy(region[known] / value, regions[known])))
    return Temperatures(place, character, max(least, country))


def correct(read: list[list[int]], truths: list[str]) -> Tensor:
    """1 where the labels are those of the truth, else 0 [n]."""
    return torch.tensor([float(each == text_classes(truth)) for each, truth in zip(read, truths, strict=True)])


def reading_scores(text: Tensor, read: list[list[int]], temperatures: Temperatures) -> Tensor:
    """P(text) ** (1 / length) [n] of the labels `read`. Without any label it is 0: no client sees such a reading."""
    steps = text_probabilities(text, temperatures).clamp_min(1e-30).log()
    lengths = torch.tensor([len(each) for each in read])
    labels = torch.tensor([label for each in read for label in each], dtype=torch.long)
    places = torch.full((len(read),), text.shape[1])
    cost = functional.ctc_loss(steps.transpose(0, 1), labels, places, lengths, blank=BLANK, reduction="none")
    return torch.where(lengths > 0, (-cost / lengths.clamp_min(1)).exp(), torch.zeros(len(read)))


def _lowest(cost: Callable[[float], float]) -> float:
    """Where `cost` is lowest between LEAST and MOST: a golden-section search on the logarithm."""
    golden = (5**0.5 - 1) / 2
    low, high = math.log(LEAST), math.log(MOST)
    left, right = high - golden * (high - low), low + golden * (high - low)
    of_left, of_right = cost(math.exp(left)), cost(math.exp(right))
    for _ in range(STEPS):
        if of_left < of_right:
            high, right, of_right = right, left, of_left
            left = high - golden * (high - low)
            of_left = cost(math.exp(left))
        else:
            low, left, of_left = left, right, of_right
            right = low + golden * (high - low)
            of_right = cost(math.exp(right))
    return math.exp((low + high) / 2)


def _drawn(shared: Path, camera: Camera) -> Iterator[Plate]:
    scenes = crops.backgrounds(shared / "data", SCENES)
    maker = PlateMaker(shared / "reference", shared / "fonts", SEED)
    for _ in range(DRAWN):
        drawn = maker.make()
        yield camera.see(drawn.picture, scenes), drawn.text, region_class(drawn.code)


def _real(shared: Path, camera: Camera) -> Iterator[Plate]:
    for plate in crops.load(shared / "data", shared / "reference", held=True):
        if plate.text is not None:
            for _ in range(CUTS):
                yield crops.varied(plate, camera), plate.text, plate.region


def _logits(network: PlateReader, plates: list[Plate]) -> tuple[Tensor, Tensor]:
    texts, regions = [], []
    with torch.no_grad():
        for at in range(0, len(plates), BATCH):
            pictures = np.stack([picture[..., ::-1] for picture, _, _ in plates[at : at + BATCH]])
            seen = network(torch.from_numpy(np.ascontiguousarray(pictures.transpose(0, 3, 1, 2))))
            texts.append(seen.text)
            regions.append(seen.region)
    return torch.cat(texts), torch.cat(regions)
