"""Train the plate reader.

    python -m training.reader.train --shared ../shared --until 15:30

Resumes from training/work/reader, else from the committed state in training/state.
"""

import time
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn
from torch.nn import functional
from torch.utils.data import DataLoader, IterableDataset

from training.reader import crops, others, shuffle
from training.reader.classes import (
    ALPHABET,
    BLANK,
    NO_REGION,
    REGIONS,
    STATES,
    region_class,
    state_class,
    text_classes,
)
from training.reader.network import PlateReader
from training.run import Run, arguments
from training.synthetic.camera import Camera
from training.synthetic.decoy import DecoyMaker
from training.synthetic.plate import PlateMaker

BATCH = 64
POOL = 6000  # drawn plates that are used again under another camera
FRESH = 0.25  # share of drawn plates that are new
SHUFFLED = 0.4  # share of real plates that come with their characters in another order
REGION_WEIGHT = 0.3
PLATE_WEIGHT = 0.2
STATE_WEIGHT = 0.1


@dataclass(frozen=True)
class Sample:
    """picture: uint8 BGR [64, 160, 3]; text: None where unknown; region, state: classes; plate: or something else."""

    picture: NDArray[np.uint8]
    text: str | None
    region: int
    state: int = NO_REGION
    plate: bool = True


class Samples(IterableDataset):
    """Endless batches: pictures [n, 3, 64, 160] uint8 RGB; which of them have a known text [m]; the characters of those
    texts in a row; their lengths [m]; regions [n]; states [n]; plate or not [n] (0 or 1).
    """

    def __init__(self, shared, real_share: float, other_share: float, seed: int) -> None:
        self.shared, self.real_share, self.other_share, self.seed = shared, real_share, other_share, seed
        self.real = crops.load(shared / "data", shared / "reference")
        cuts = shuffle.known_cuts(self.real)
        self.movable = [(plate, edges) for plate, edges in zip(self.real, cuts, strict=True) if edges]
        self.unread = [*crops.chinese_plates(shared / "data"), *others.unread_plates(shared / "data")]
        self.false = others.false_plates(shared / "data")
        self.scenes = crops.backgrounds(shared / "data")

    def __iter__(self):
        camera = Camera(self.seed)
        maker = PlateMaker(self.shared / "reference", self.shared / "fonts", self.seed)
        decoys = DecoyMaker(self.shared / "fonts", self.seed)
        pool: list = []
        while True:
            batch = [self._sample(camera, maker, decoys, pool) for _ in range(BATCH)]
            pictures = np.stack([sample.picture[..., ::-1] for sample in batch]).transpose(0, 3, 1, 2)
            texts = [sample.text for sample in batch if sample.text is not None]
            yield (
                torch.from_numpy(np.ascontiguousarray(pictures)),
                torch.tensor([n for n, sample in enumerate(batch) if sample.text is not None]),
                torch.tensor([c for text in texts for c in text_classes(text)]),
                torch.tensor([len(text) for text in texts]),
                torch.tensor([sample.region for sample in batch]),
                torch.tensor([sample.state for sample in batch]),
                torch.tensor([float(sample.plate) for sample in batch]),
            )

    def _sample(self, camera: Camera, maker: PlateMaker, decoys: DecoyMaker, pool: list) -> Sample:
        rng = camera.rng
        chance = rng.random()
        if chance < self.other_share:
            if rng.random() < 0.15:
                return Sample(camera.see(decoys.make()[..., :3], self.scenes), None, NO_REGION, plate=False)
            other = rng.choice(self.unread if rng.random() < 0.35 else self.false)
            return Sample(crops.varied(other, camera), other.text, other.region, plate=other.plate)
        if chance < self.other_share + self.real_share:
            plate = rng.choice(self.real)
            if self.movable and rng.random() < SHUFFLED:
                plate = shuffle.shuffled(*rng.choice(self.movable), rng)
            return Sample(crops.varied(plate, camera), plate.text, plate.region, plate.state)
        if len(pool) < POOL:
            pool.append(drawn := maker.make())
        elif rng.random() < FRESH:
            drawn = pool[rng.randrange(POOL)] = maker.make()
        else:
            drawn = rng.choice(pool)
        return Sample(
            camera.see(drawn.picture, self.scenes), drawn.text, region_class(drawn.code), state_class(drawn.code)
        )


def main() -> None:
    parser = arguments(__doc__)
    parser.add_argument("--real", type=float, default=0.3, help="share of real plates")
    parser.add_argument("--other", type=float, default=0.1, help="share of plates not read and of what is no plate")
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    torch.manual_seed(args.seed)
    live, average = (PlateReader(len(ALPHABET) + 1, len(REGIONS), len(STATES)) for _ in range(2))
    run = Run("reader", live.to(memory_format=torch.channels_last), average, args, clip=2.0)
    # A resumed run draws other plates than the one before it.
    samples = Samples(args.shared, args.real, args.other, args.seed + run.seen)
    print(f"{len(samples.real)} real plates, {len(samples.unread)} not read, {len(samples.false)} false", flush=True)
    ctc = nn.CTCLoss(blank=BLANK, zero_infinity=True)
    loader = DataLoader(samples, batch_size=None, num_workers=1, prefetch_factor=6)
    for pictures, known, characters, lengths, regions, states, plates in loader:
        if run.over():
            break
        # Plain float32: bf16 autocast took half as long again here (63 against 98 plates a CPU second, without AMX).
        seen = live(pictures.contiguous(memory_format=torch.channels_last))
        steps = seen.text[known].log_softmax(-1).transpose(0, 1)
        losses = {
            "text": ctc(steps, characters, torch.full((len(known),), steps.shape[0]), lengths),
            "region": functional.cross_entropy(seen.region, regions, ignore_index=NO_REGION, label_smoothing=0.05),
            "plate": functional.binary_cross_entropy_with_logits(seen.plate, plates),
            # A batch of which no state is known says nothing of states.
            "state": functional.cross_entropy(
                seen.state, states, ignore_index=NO_REGION, label_smoothing=0.05, reduction="sum"
            )
            / max(1, int((states != NO_REGION).sum())),
        }
        total = losses["text"] + REGION_WEIGHT * losses["region"] + PLATE_WEIGHT * losses["plate"]
        total = total + STATE_WEIGHT * losses["state"]
        run.learn({"total": total, **losses}, len(pictures))
    run.save()
    print(f"{run.seen} samples seen, {time.time() - run.started:.0f} s", flush=True)


if __name__ == "__main__":
    main()
