"""Train what tells a vehicle's attributes, or its make and model.

    python -m training.vehicle.train vehicle_attributes --shared ../shared --until 15:30
    python -m training.vehicle.train make_model --shared ../shared --until 15:30

Resumes from training/work/<name>, else from the committed state in training/state.
"""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import DataLoader, IterableDataset

from training.run import Run, arguments
from training.vehicle.classes import COLOURS, ORIENTATIONS, TYPES
from training.vehicle.crops import Crop, held_out, load, model_classes
from training.vehicle.network import VehicleNetwork, outputs
from training.vehicle.views import view

BATCH = 64
SMOOTHING = 0.05
# Shares of the batch by what it is there for: one property must not drown another.
SHARES = {
    "vehicle_attributes": {"type": 0.45, "colour": 0.3, "orientation": 0.25},
    "make_model": {"model": 0.85, "type": 0.15},
}
SIDES = {"vehicle_attributes": 112, "make_model": 128}
WIDTHS = {"vehicle_attributes": 14, "make_model": 20}


def classes_of(name: str, data: Path) -> dict[str, list[str]]:
    """The classes of each property that the network `name` tells."""
    if name == "make_model":
        return {"model": [f"{make}|{model}" for make, model, _ in model_classes(data)], "type": list(TYPES)}
    return {"type": list(TYPES), "colour": list(COLOURS), "orientation": list(ORIENTATIONS)}


def network_of(name: str, data: Path) -> VehicleNetwork:
    heads = {each: len(found) for each, found in classes_of(name, data).items()}
    return VehicleNetwork(heads, WIDTHS[name])


def crops_of(name: str, data: Path, *, held: bool = False) -> list[Crop]:
    """The crops that teach the network `name`; with `held` those that are held out of it."""
    crops = load(data, noncommercial=name == "make_model")
    return [crop for crop in crops if held_out(crop) == held and set(crop.labels) & set(SHARES[name])]


class Views(IterableDataset):
    """Endless batches: pictures uint8 RGB [n, 3, s, s]; by property what is true [n, classes]: rows that sum
    to 1, or to 0 where nothing is known.
    """

    def __init__(self, name: str, crops: list[Crop], data: Path, seed: int, small: float) -> None:
        self.name, self.crops, self.seed, self.small = name, crops, seed, small
        self.classes = classes_of(name, data)

    def __iter__(self) -> Iterator[tuple[Tensor, dict[str, Tensor]]]:
        rng = np.random.default_rng(self.seed)
        pools = {each: self._by_class(each) for each in self.classes}
        names, shares = zip(*SHARES[self.name].items(), strict=True)
        while True:
            # Smaller pictures for a share of the batches: three views for the work of two.
            side = SIDES[self.name] if rng.random() > self.small else SIDES[self.name] * 3 // 4 // 16 * 16
            pictures, chosen, greys = [], [], []
            for _ in range(BATCH):
                groups = pools[rng.choice(names, p=shares)]
                group = groups[rng.integers(len(groups))]
                crop = self.crops[group[rng.integers(len(group))]]
                picture, grey = view(crop, side, rng)
                pictures.append(picture[..., ::-1].transpose(2, 0, 1))
                chosen.append(crop)
                greys.append(grey)
            truths = {each: self._truth(each, chosen, greys) for each in self.classes}
            yield torch.from_numpy(np.ascontiguousarray(np.stack(pictures))), truths

    def _by_class(self, name: str) -> list[list[int]]:
        """Crops by their label; a label's share goes with the root of its size, so that rare ones are seen, too."""
        groups: dict[tuple[str, ...], list[int]] = {}
        for n, crop in enumerate(self.crops):
            if name in crop.labels:
                groups.setdefault(crop.labels[name], []).append(n)
        most = max(len(group) for group in groups.values())
        return [group for group in groups.values() for _ in range(max(1, round(8 * (len(group) / most) ** 0.5)))]

    def _truth(self, name: str, crops: list[Crop], greys: list[bool]) -> Tensor:
        classes = self.classes[name]
        truth = torch.zeros(len(crops), len(classes))
        for n, crop in enumerate(crops):
            if name == "colour" and greys[n]:
                truth[n] = 1 / len(classes)
            else:
                for each in crop.labels.get(name, ()):
                    truth[n, classes.index(each)] = 1
        return truth


def loss(logits: Tensor, truth: Tensor) -> Tensor:
    """-log P(one of the true classes), softened; for a row that sums to 1 over all classes, the cross-entropy to it.

    logits, truth: [n, classes]; rows of `truth` without any class do not count.
    """
    known = truth.sum(1) > 0
    if not known.any():
        return logits.sum() * 0
    logs, truth = logits[known].log_softmax(1), truth[known]
    even = (truth > 0).all(1)
    any_true = -(logs + truth.clamp(min=1e-9).log().clamp(max=0)).logsumexp(1)
    flat = -logs.mean(1)
    return torch.where(even, flat, (1 - SMOOTHING) * any_true + SMOOTHING * flat).mean()


def main() -> None:
    parser = arguments(__doc__)
    parser.add_argument("network", choices=list(SHARES))
    parser.add_argument("--small", type=float, default=0.5, help="share of batches of smaller pictures")
    args = parser.parse_args()
    name = args.network
    data = args.shared / "data"
    torch.set_num_threads(args.threads)
    torch.manual_seed(args.seed)
    live, average = network_of(name, data), network_of(name, data)
    run = Run(name, live.to(memory_format=torch.channels_last), average, args, clip=5.0)
    crops = crops_of(name, data)
    print(f"{len(crops)} crops", flush=True)
    views = Views(name, crops, data, args.seed + run.seen, args.small)
    for pictures, truths in DataLoader(views, batch_size=None, num_workers=1, prefetch_factor=6):
        if run.over():
            break
        inputs = pictures.float().div(255).contiguous(memory_format=torch.channels_last)
        losses = {each: loss(logits, truths[each]) for each, logits in outputs(live, inputs).items()}
        total = sum(losses[each] * (share if name == "make_model" else 1) for each, share in SHARES[name].items())
        run.learn({"total": total, **losses}, len(pictures))
    run.save()


if __name__ == "__main__":
    main()
