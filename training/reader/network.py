"""The reader's network: convolutions down to two rows of 40 places, two transformer layers, CTC.

Input: uint8 or float RGB 0..255 [n, 3, 64, 160]; each plate is standardised inside. Outputs: text logits [n, 80, 37]
(CTC, blank first:
the upper row's 40 places, then the lower row's, so that a two-line plate is read in order), region logits [n,
regions], a logit [n] of its being a plate at all: the cut has more pixels of it than the detector saw, and state
logits [n, states], which mean something among the states of the plate's country.
"""

from typing import NamedTuple

import torch
from torch import Tensor, nn

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

    def tokens(self, image: Tensor) -> Tensor:
        """Features of each place [n, 80, WIDTH]."""
        x = image.float()
        x = x - x.mean((1, 2, 3), keepdim=True)
        # 25 = 5 grey levels squared: an empty cut is not blown up into noise.
        x = x / torch.sqrt((x * x).mean((1, 2, 3), keepdim=True) + 25.0)
        tokens = self.rows(self.features(x)).flatten(2).transpose(1, 2) + self.places
        return self.norm(self.context(tokens))

    @staticmethod
    def whole(tokens: Tensor) -> Tensor:
        """Features of the whole plate [n, WIDTH]."""
        return tokens.mean(1)

    def forward(self, image: Tensor) -> Seen:
        tokens = self.tokens(image)
        whole = self.whole(tokens)
        return Seen(self.text(tokens), self.region(whole), self.plate(whole)[:, 0], self.state(whole))


class Exported(nn.Module):
    """The network as the pack holds it: calibrated probabilities."""

    def __init__(self, network: PlateReader, temperatures: Temperatures = AS_LEARNED) -> None:
        super().__init__()
        self.network, self.temperatures = network, temperatures

    def forward(self, image: Tensor) -> Seen:
        seen = self.network(image)
        return Seen(
            text_probabilities(seen.text, self.temperatures),
            (seen.region / self.temperatures.region).softmax(-1),
            seen.plate.sigmoid(),
            seen.state.softmax(-1),
        )
