"""The network behind vehicle attributes and make and model: one trunk, one linear layer a property.

Input: float32 RGB pictures [n, 3, s, s] in 0..1, s a multiple of 16; the vehicle fills the picture.
Output: logits [n, classes] a property, in the order of `heads`.
"""

from collections.abc import Mapping

from torch import Tensor, nn

from training.detector.network import ConvNormAct, stage


class VehicleNetwork(nn.Module):
    def __init__(self, heads: Mapping[str, int], width: int = 16, dropout: float = 0.2) -> None:
        super().__init__()
        w = width
        self.stem = ConvNormAct(3, w, 3, 2)
        self.stage4 = stage(w, 2 * w, 1)
        self.stage8 = stage(2 * w, 4 * w, 2)
        self.stage16 = stage(4 * w, 8 * w, 2)
        self.stage32 = stage(8 * w, 12 * w, 1)
        self.mix = ConvNormAct(12 * w, 16 * w, 1)
        self.dropout = nn.Dropout(dropout)
        self.properties = list(heads)
        self.heads = nn.ModuleList([nn.Linear(16 * w, classes) for classes in heads.values()])

    def forward(self, x: Tensor) -> tuple[Tensor, ...]:
        x = self.stage32(self.stage16(self.stage8(self.stage4(self.stem(x)))))
        features = self.dropout(self.mix(x).mean((2, 3)))
        return tuple(head(features) for head in self.heads)


class Exported(nn.Module):
    """The network as the pack holds it: uint8 pictures [n, 3, s, s] in, probabilities out, each property at its own
    temperature (calibrate.py).
    """

    def __init__(self, network: VehicleNetwork, temperatures: Mapping[str, float]) -> None:
        super().__init__()
        self.network, self.temperatures = network, [temperatures[name] for name in network.properties]

    def forward(self, image: Tensor) -> tuple[Tensor, ...]:
        logits = self.network(image.float() / 255)
        return tuple((each / t).softmax(-1) for each, t in zip(logits, self.temperatures, strict=True))


def outputs(network: VehicleNetwork, pictures: Tensor) -> dict[str, Tensor]:
    """Logits by property."""
    return dict(zip(network.properties, network(pictures), strict=True))
