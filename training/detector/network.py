"""The detector's network: plain 3x3 convolutions, one anchor-free head for plates and one for vehicles.

Input: float32 RGB pictures [n, 3, h, w] in 0..1, h and w multiples of 32.
Output: two of the pack kind `anchor-free-grid`, [n, cells, 13] for plates and [n, cells, 5] for vehicles: score (0..1),
distances l, t, r, b from the cell's centre to the box sides in strides (negative where the centre lies outside a thin
plate), then, for plates, four corners dx, dy from the cell's centre in strides, clockwise from the plate's top left.
Cells: strides 8, 16, 32 (vehicles: 16, 32), row-major in each; centre = (x + 0.5) * stride.
"""

import math

import torch
from torch import Tensor, nn
from torch.nn import functional

STRIDES = (8, 16, 32)
OUTPUTS = 13
VEHICLE_STRIDES = (16, 32)
VEHICLE_OUTPUTS = 5


class ConvNormAct(nn.Sequential):
    def __init__(self, inputs: int, outputs: int, kernel: int = 3, stride: int = 1) -> None:
        super().__init__(
            nn.Conv2d(inputs, outputs, kernel, stride, kernel // 2, bias=False),
            nn.BatchNorm2d(outputs),
            nn.ReLU(inplace=True),
        )


class Residual(nn.Module):
    """A narrow 1x1 before the 3x3: half the multiplications of two full convolutions."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.body = nn.Sequential(ConvNormAct(channels, channels // 2, 1), ConvNormAct(channels // 2, channels))

    def forward(self, x: Tensor) -> Tensor:
        return x + self.body(x)


def stage(inputs: int, outputs: int, blocks: int) -> nn.Sequential:
    return nn.Sequential(ConvNormAct(inputs, outputs, 3, 2), *(Residual(outputs) for _ in range(blocks)))


def output_layer(inputs: int, outputs: int, start: float) -> nn.Conv2d:
    conv = nn.Conv2d(inputs, outputs, 1)
    nn.init.normal_(conv.weight, std=0.01)
    nn.init.zeros_(conv.bias)
    # A rare positive: start at a score of 1 % (Lin et al. 2017, "Focal Loss for Dense Object Detection", 4.1).
    conv.bias.data[0] = -math.log(99)
    conv.bias.data[1:5] = start
    return conv


class PlateDetector(nn.Module):
    def __init__(self, neck: int = 64) -> None:
        super().__init__()
        self.stem = ConvNormAct(3, 16, 3, 2)
        self.stage4 = stage(16, 32, 1)
        self.stage8 = stage(32, 64, 2)
        self.stage16 = stage(64, 96, 2)
        self.stage32 = stage(96, 128, 2)
        self.context = ConvNormAct(128 * 3, 128, 1)
        self.lateral = nn.ModuleList([ConvNormAct(c, neck, 1) for c in (64, 96, 128)])
        self.smooth = nn.ModuleList([ConvNormAct(neck, neck) for _ in STRIDES])
        self.head = nn.ModuleList([ConvNormAct(neck, neck) for _ in STRIDES])
        self.output = nn.ModuleList([output_layer(neck, OUTPUTS, 1.5) for _ in STRIDES])
        # A vehicle may fill the picture: more context than a plate needs, at strides where it costs little.
        self.vehicle_context = nn.Sequential(ConvNormAct(128, neck), ConvNormAct(neck, neck))
        self.vehicle_head = nn.ModuleList([ConvNormAct(neck, neck) for _ in VEHICLE_STRIDES])
        self.vehicle_output = nn.ModuleList([output_layer(neck, VEHICLE_OUTPUTS, 2.5) for _ in VEHICLE_STRIDES])

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Raw outputs [n, cells, 13] and [n, cells', 5]: the scores still as logits."""
        x4 = self.stage4(self.stem(x))
        x8 = self.stage8(x4)
        x16 = self.stage16(x8)
        x32 = self.stage32(x16)
        near = functional.max_pool2d(x32, 5, 1, 2)
        x32 = self.context(torch.cat([x32, near, functional.max_pool2d(near, 5, 1, 2)], 1))
        p32 = self.lateral[2](x32)
        p16 = self.lateral[1](x16) + functional.interpolate(p32, scale_factor=2.0, mode="nearest")
        p8 = self.lateral[0](x8) + functional.interpolate(p16, scale_factor=2.0, mode="nearest")
        plates = [
            self.output[level](self.head[level](self.smooth[level](features)))
            for level, features in enumerate((p8, p16, p32))
        ]
        v32 = self.vehicle_context(x32)
        v16 = p16 + functional.interpolate(v32, scale_factor=2.0, mode="nearest")
        vehicles = [
            self.vehicle_output[level](self.vehicle_head[level](features)) for level, features in enumerate((v16, v32))
        ]
        return cells(plates), cells(vehicles)


def cells(levels: list[Tensor]) -> Tensor:
    """Maps [n, outputs, h, w] of several strides as one list of cells [n, cells, outputs]."""
    return torch.cat([each.flatten(2).transpose(1, 2) for each in levels], 1)


class Exported(nn.Module):
    """The network as the pack holds it: scores as probabilities, by a slope and an offset on each output's logit
    (calibrate.py).
    """

    def __init__(
        self, network: PlateDetector, plates: tuple[float, float], vehicles: tuple[float, float] = (1.0, 0.0)
    ) -> None:
        super().__init__()
        self.network, self.plates, self.vehicles = network, plates, vehicles

    def forward(self, image: Tensor) -> tuple[Tensor, Tensor]:
        plates, vehicles = self.network(image)
        return probable(plates, *self.plates), probable(vehicles, *self.vehicles)


def probable(raw: Tensor, slope: float, offset: float) -> Tensor:
    return torch.cat([(raw[..., :1] * slope + offset).sigmoid(), raw[..., 1:]], -1)


def cell_grid(height: int, width: int, of: tuple[int, ...] = STRIDES) -> tuple[Tensor, Tensor]:
    """Centres [cells, 2] in pixels and strides [cells] for an input of height x width and the strides `of`."""
    centres, strides = [], []
    for stride in of:
        ys, xs = torch.meshgrid(torch.arange(height // stride), torch.arange(width // stride), indexing="ij")
        centres.append((torch.stack([xs, ys], -1).reshape(-1, 2) + 0.5) * stride)
        strides.append(torch.full((ys.numel(),), float(stride)))
    return torch.cat(centres), torch.cat(strides)
