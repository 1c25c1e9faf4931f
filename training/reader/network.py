"""The reader's network: convolutions down to two rows of 40 places, two transformer layers, CTC.

Input: uint8 or float RGB 0..255 [n, 3, 64, 160]; each plate is standardised inside. Outputs: text logits [n, 80, 37]
(CTC, blank first:
the upper row's 40 places, then the lower row's, so that a two-line plate is read in order), region logits [n,
regions], a logit [n] of its being a plate at all: the cut has more pixels of it than the detector saw, and state
logits [n, states], which mean something among the states of the plate's country.
"""

import math
from typing import NamedTuple

import torch
from torch import Tensor, nn

from training.reader.classes import REGIONS, UNKNOWN

WIDTH = 128


class Seen(NamedTuple):
    """The network's logits of n plates; shapes above."""

    text: Tensor
    region: Tensor
    plate: Tensor
    state: Tensor


class Temperatures(NamedTuple):
    """What logits are divided by (C. Guo et al., "On Calibration of Modern Neural Networks", 2017).

    place: whether a place holds a character. character: which one it is, on top of `place`. region: the country.
    """

    place: float
    character: float
    region: float


AS_LEARNED = Temperatures(1.0, 1.0, 1.0)
# One plate of three that is drawn is of a country that the API does not predict; before cameras it is one of ten, at a
# guess. The difference of these odds, as logarithms.
UNKNOWN_RARER = math.log((1 / 3) / (2 / 3)) - math.log((1 / 10) / (9 / 10))


def text_probabilities(text: Tensor, temperatures: Temperatures) -> Tensor:
    """Probabilities [n, places, classes] of text logits, blank first.

    The characters have a temperature of their own: one for all classes would take probability from the blank at each of
    the 80 places, and a long run of places would make every text unlikely.
    """
    places = (text / temperatures.place).softmax(-1)
    which = (text[..., 1:] / (temperatures.place * temperatures.character)).softmax(-1)
    return torch.cat([places[..., :1], which * places[..., 1:].sum(-1, keepdim=True)], -1)


class ConvNormAct(nn.Sequential):
    def __init__(self, inputs: int, outputs: int, stride: int | tuple[int, int] = 1) -> None:
        super().__init__(
            nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False), nn.BatchNorm2d(outputs), nn.ReLU(inplace=True)
        )


class Residual(nn.Module):
    def __init__(self, channels: int) -> None:
        super().__init__()
        self.first = ConvNormAct(channels, channels)
        self.second = nn.Sequential(nn.Conv2d(channels, channels, 3, 1, 1, bias=False), nn.BatchNorm2d(channels))

    def forward(self, x: Tensor) -> Tensor:
        return torch.relu(x + self.second(self.first(x)))


class PlateReader(nn.Module):
    def __init__(self, classes: int, regions: int, states: int) -> None:
        super().__init__()
        self.features = nn.Sequential(
            ConvNormAct(3, 24, 2),
            ConvNormAct(24, 40, 2),
            Residual(40),
            ConvNormAct(40, 80, (2, 1)),
            Residual(80),
            ConvNormAct(80, WIDTH, (2, 1)),
            Residual(WIDTH),
        )
        self.rows = nn.Conv2d(WIDTH, WIDTH, (2, 1), (2, 1))
        self.places = nn.Parameter(torch.randn(1, 80, WIDTH) * 0.02)
        layer = nn.TransformerEncoderLayer(
            WIDTH, 4, 2 * WIDTH, dropout=0.0, batch_first=True, norm_first=True, activation="relu"
        )
        self.context = nn.TransformerEncoder(layer, 2, enable_nested_tensor=False)
        self.norm = nn.LayerNorm(WIDTH)
        self.text = nn.Linear(WIDTH, classes)
        self.region = nn.Linear(WIDTH, regions)
        self.plate = nn.Linear(WIDTH, 1)
        self.state = nn.Linear(WIDTH, states)
        # What colours, bands and emblems say beside the text; it starts by saying nothing.
        self.look = nn.Sequential(nn.Linear(4 * WIDTH, WIDTH), nn.ReLU(), nn.Linear(WIDTH, regions + states))
        nn.init.zeros_(self.look[2].weight)
        nn.init.zeros_(self.look[2].bias)

    def tokens(self, image: Tensor) -> tuple[Tensor, Tensor]:
        """Features of each place [n, 80, WIDTH], and of the whole plate [n, 4 * WIDTH]: first their mean."""
        x = image.float()
        x = x - x.mean((1, 2, 3), keepdim=True)
        # 25 = 5 grey levels squared: an empty cut is not blown up into noise.
        x = x / torch.sqrt((x * x).mean((1, 2, 3), keepdim=True) + 25.0)
        first = self.rows(self.features(x)).flatten(2).transpose(1, 2) + self.places
        places = self.norm(self.context(first))
        return places, torch.cat([places.mean(1), places.amax(1), first.mean(1), first.amax(1)], 1)

    def origin(self, whole: Tensor) -> tuple[Tensor, Tensor]:
        """Logits of regions [n, regions] and of states [n, states] from features of the whole plate."""
        mean, look = whole[:, :WIDTH], self.look(whole)
        regions = self.region.out_features
        return self.region(mean) + look[:, :regions], self.state(mean) + look[:, regions:]

    def forward(self, image: Tensor) -> Seen:
        places, whole = self.tokens(image)
        region, state = self.origin(whole)
        return Seen(self.text(places), region, self.plate(whole[:, :WIDTH])[:, 0], state)


class Exported(nn.Module):
    """The network as the pack holds it: calibrated probabilities, of countries as often as cameras see them."""

    def __init__(self, network: PlateReader, temperatures: Temperatures = AS_LEARNED) -> None:
        super().__init__()
        self.network, self.temperatures = network, temperatures
        prior = torch.zeros(network.region.out_features)
        prior[REGIONS.index(UNKNOWN)] = -UNKNOWN_RARER
        self.register_buffer("prior", prior)

    def forward(self, image: Tensor) -> Seen:
        seen = self.network(image)
        return Seen(
            text_probabilities(seen.text, self.temperatures),
            (seen.region / self.temperatures.region + self.prior).softmax(-1),
            seen.plate.sigmoid(),
            seen.state.softmax(-1),
        )
