"""Train the detector of plates and vehicles.

    python -m training.detector.train --shared ../shared --until 15:30

Resumes from training/work/detector, else from the committed state in training/state. Plates and decoys that
are set into the photos are drawn at the start (`--plates`, `--decoys`).
"""

import numpy as np
import torch
from torch.utils.data import DataLoader, IterableDataset

from training.detector.compose import view
from training.detector.loss import VEHICLE_SIDES, detection_loss
from training.detector.network import VEHICLE_STRIDES, PlateDetector, cell_grid
from training.detector.photos import load
from training.run import Run, arguments
from training.synthetic.decoy import DecoyMaker
from training.synthetic.plate import PlateMaker
from training.synthetic.scripts import ScriptMaker

SIDES = (288, 384, 384, 512, 640)  # a plate that fills a 640-pixel picture needs such a picture
OTHER_SCRIPTS = 0.2  # share of drawn plates
AREA = 384 * 384
VEHICLE_WEIGHT = 0.5


class Views(IterableDataset):
    """Endless batches of training pictures, each batch of one size and about as many pixels as `batch` of 384 x 384."""

    def __init__(self, photos, plates, decoys, batch: int, seed: int) -> None:
        self.photos, self.plates, self.decoys, self.batch, self.seed = photos, plates, decoys, batch, seed

    def __iter__(self):
        rng = np.random.default_rng(self.seed)
        while True:
            side = int(rng.choice(SIDES))
            batch = max(1, round(self.batch * AREA / side**2))
            made = [view(self.photos, self.plates, self.decoys, side, rng) for _ in range(batch)]
            images = np.stack([v.image[..., ::-1] for v in made]).transpose(0, 3, 1, 2)
            targets = [
                {
                    k: torch.from_numpy(np.ascontiguousarray(getattr(v, k)))
                    for k in ("boxes", "corners", "ignore", "vehicles", "doubtful")
                }
                for v in made
            ]
            yield torch.from_numpy(np.ascontiguousarray(images)), targets


def main() -> None:
    parser = arguments(__doc__)
    parser.add_argument("--batch", type=int, default=16)
    parser.add_argument("--plates", type=int, default=3500, help="drawn plates to set into photos")
    parser.add_argument("--decoys", type=int, default=1500, help="drawn things that look like plates and are none")
    parser.add_argument("--every", type=int, default=1, help="take each n-th photo only, for trying things")
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    torch.manual_seed(args.seed)
    live, average = PlateDetector(), PlateDetector()
    run = Run("detector", live.to(memory_format=torch.channels_last), average, args, clip=5.0)
    photos = load(args.shared / "data", args.every)
    maker = PlateMaker(args.shared / "reference", args.shared / "fonts", args.seed + run.seen)
    other = ScriptMaker(args.shared / "fonts", args.seed + run.seen)
    scripted = round(args.plates * OTHER_SCRIPTS)
    plates = [maker.make().picture for _ in range(args.plates - scripted)] + [other.make() for _ in range(scripted)]
    drawer = DecoyMaker(args.shared / "fonts", args.seed + run.seen)
    decoys = [drawer.make() for _ in range(args.decoys)]
    print(f"{len(photos)} photos, {sum(len(p.boxes) for p in photos)} plates, {len(plates)} drawn plates", flush=True)
    views = Views(photos, plates, decoys, args.batch, args.seed + run.seen)
    grids = {side: (cell_grid(side, side), cell_grid(side, side, VEHICLE_STRIDES)) for side in SIDES}
    for images, targets in DataLoader(views, batch_size=None, num_workers=1, prefetch_factor=4):
        if run.over():
            break
        inputs = images.float().div(255).contiguous(memory_format=torch.channels_last)
        # Plain float32: bf16 autocast was slower here, on a CPU that has avx512_bf16 and no AMX.
        plates, vehicles = live(inputs)
        plate_grid, vehicle_grid = grids[images.shape[-1]]
        losses = detection_loss(plates, targets, *plate_grid)
        seen = [{"boxes": each["vehicles"], "ignore": each["doubtful"]} for each in targets]
        of_vehicles = detection_loss(vehicles, seen, *vehicle_grid, VEHICLE_SIDES)
        losses["total"] = losses["total"] + VEHICLE_WEIGHT * of_vehicles["total"]
        run.learn({**losses, "vehicle_score": of_vehicles["score"], "vehicle_box": of_vehicles["box"]}, len(images))
    run.save()


if __name__ == "__main__":
    main()
