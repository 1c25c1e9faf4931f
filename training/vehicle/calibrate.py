"""Scores that mean something: of the vehicles that are called white with 0.9, 9 of 10 are.

One temperature a property, fitted on the crops that `crops.held_out` keeps from training.
"""

import numpy as np
import torch
from torch import Tensor

from training.vehicle.crops import Crop
from training.vehicle.network import VehicleNetwork, outputs
from training.vehicle.train import Views

TEMPERATURES = np.exp(np.linspace(np.log(0.5), np.log(4.0), 61)).tolist()
BATCHES = 16


def calibration(network: VehicleNetwork, name: str, crops: list[Crop], data) -> dict[str, float]:
    """The temperature of each property under which the held-out crops' labels are likeliest; network in eval mode."""
    views = Views(name, crops, data, seed=1, small=0.0)
    logits: dict[str, list[Tensor]] = {each: [] for each in network.properties}
    truths: dict[str, list[Tensor]] = {each: [] for each in network.properties}
    for _, (pictures, truth) in zip(range(BATCHES), views, strict=False):
        with torch.no_grad():
            for each, found in outputs(network, pictures.float() / 255).items():
                known = (truth[each].sum(1) > 0) & ~(truth[each] > 0).all(1)
                logits[each].append(found[known])
                truths[each].append(truth[each][known])
    found = {}
    for each in network.properties:
        out, true = torch.cat(logits[each]), torch.cat(truths[each])
        found[each] = min(TEMPERATURES, key=lambda t, out=out, true=true: _cost(out / t, true))
        right = (true * torch.nn.functional.one_hot(out.argmax(1), true.shape[1])).sum(1).mean()
        print(f"{name} {each}: {len(out)} views, {right:.3f} right, temperature {found[each]:.2f}", flush=True)
    return found


def _cost(logits: Tensor, truth: Tensor) -> float:
    return float(-(logits.log_softmax(1).exp() * truth).sum(1).clamp(min=1e-9).log().mean())
