"""Train the plate reader.

    python -m training.reader.train --shared ../shared --until 15:30

Resumes from training/work/reader, else from the committed state in training/state.
"""

import time

import numpy as np
import torch
from torch import nn
from torch.utils.data import DataLoader, IterableDataset

from training.reader import crops
from training.reader.classes import ALPHABET, BLANK, NO_REGION, REGIONS, region_class, text_classes
from training.reader.network import PlateReader
from training.run import Run, arguments
from training.synthetic.camera import Camera
from training.synthetic.plate import PlateMaker

BATCH = 64
POOL = 6000  # drawn plates that are used again under another camera
FRESH = 0.25  # share of drawn plates that are new
REGION_WEIGHT = 0.1


class Samples(IterableDataset):
    """Endless batches: pictures [n, 3, 64, 160] uint8 RGB, characters of all texts in a row, their lengths, regions."""

    def __init__(self, shared, real_share: float, seed: int) -> None:
        self.shared, self.real_share, self.seed = shared, real_share, seed
        self.real = crops.load(shared / "data", shared / "reference")
        self.scenes = crops.backgrounds(shared / "data")

    def __iter__(self):
        camera = Camera(self.seed)
        maker = PlateMaker(self.shared / "reference", self.shared / "fonts", self.seed)
        pool: list = []
        while True:
            batch = [self._sample(camera, maker, pool) for _ in range(BATCH)]
            pictures = np.stack([picture[..., ::-1] for picture, _, _ in batch]).transpose(0, 3, 1, 2)
            characters = [c for _, text, _ in batch for c in text_classes(text)]
            yield (
                torch.from_numpy(np.ascontiguousarray(pictures)),
                torch.tensor(characters),
                torch.tensor([len(text) for _, text, _ in batch]),
                torch.tensor([region for _, _, region in batch]),
            )

    def _sample(self, camera: Camera, maker: PlateMaker, pool: list):
        rng = camera.rng
        if rng.random() < self.real_share:
            plate = rng.choice(self.real)
            return crops.varied(plate, camera), plate.text, plate.region
        if len(pool) < POOL:
            pool.append(drawn := maker.make())
        elif rng.random() < FRESH:
            drawn = pool[rng.randrange(POOL)] = maker.make()
        else:
            drawn = rng.choice(pool)
        return camera.see(drawn.picture, self.scenes), drawn.text, region_class(drawn.code)


def main() -> None:
    parser = arguments("reader", __doc__)
    parser.add_argument("--real", type=float, default=0.3, help="share of real plates")
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    torch.manual_seed(args.seed)
    live, average = (PlateReader(len(ALPHABET) + 1, len(REGIONS)) for _ in range(2))
    run = Run("reader", live.to(memory_format=torch.channels_last), average, args, clip=2.0)
    # A resumed run draws other plates than the one before it.
    samples = Samples(args.shared, args.real, args.seed + run.seen)
    print(f"{len(samples.real)} real plates", flush=True)
    ctc = nn.CTCLoss(blank=BLANK, zero_infinity=True)
    for pictures, characters, lengths, regions in DataLoader(
        samples, batch_size=None, num_workers=1, prefetch_factor=6
    ):
        if run.over():
            break
        # Plain float32: bf16 autocast took half as long again here (63 against 98 plates a CPU second, without AMX).
        text, region = live(pictures.contiguous(memory_format=torch.channels_last))
        steps = text.float().log_softmax(-1).transpose(0, 1)
        text_loss = ctc(steps, characters, torch.full((len(pictures),), steps.shape[0]), lengths)
        region_loss = nn.functional.cross_entropy(region.float(), regions, ignore_index=NO_REGION, label_smoothing=0.05)
        losses = {"total": text_loss + REGION_WEIGHT * region_loss, "text": text_loss, "region": region_loss}
        run.learn(losses, len(pictures))
    run.save()
    print(f"{run.seen} samples seen, {time.time() - run.started:.0f} s", flush=True)


if __name__ == "__main__":
    main()
