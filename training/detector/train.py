"""Train the plate detector.

    python -m training.detector.train --shared ../shared --until 15:30

Resumes from the checkpoint in training/work/detector (or the committed state in training/state) where there is one. The learning rate falls
on a cosine to zero at `--until`: a run is planned by the clock, because a machine's time is what is given.
"""

import argparse
import json
import math
import time
from datetime import datetime
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import load_file, save_file
from torch.utils.data import DataLoader, IterableDataset

from training.detector.compose import view
from training.detector.loss import detection_loss
from training.detector.network import PlateDetector, cell_grid
from training.detector.photos import load

SIDES = (288, 384, 384, 512, 640)  # a plate that fills a 640-pixel picture needs such a picture
AREA = 384 * 384
ROOT = Path(__file__).resolve().parents[2]
WORK = ROOT / "training/work/detector"
STATE = ROOT / "training/state/detector.safetensors"


class Views(IterableDataset):
    """Endless batches of training pictures, each batch of one size and about as many pixels as `batch` of 384 x 384."""

    def __init__(self, photos, plates, batch: int, seed: int) -> None:
        self.photos, self.plates, self.batch, self.seed = photos, plates, batch, seed

    def __iter__(self):
        info = torch.utils.data.get_worker_info()
        rng = np.random.default_rng([self.seed, info.id if info else 0])
        while True:
            side = int(rng.choice(SIDES))
            batch = max(1, round(self.batch * AREA / side**2))
            made = [view(self.photos, self.plates, side, rng) for _ in range(batch)]
            images = np.stack([v.image[..., ::-1] for v in made]).transpose(0, 3, 1, 2)
            targets = [
                {k: torch.from_numpy(np.ascontiguousarray(getattr(v, k))) for k in ("boxes", "corners", "ignore")}
                for v in made
            ]
            yield torch.from_numpy(np.ascontiguousarray(images)), targets


def drawn_plates(folder: Path) -> list[np.ndarray]:
    """Drawn plates for composing, if a pool was rendered (training.plates): an .npz of uint8 BGR pictures of many sizes."""
    from training.detector.pool import read_pool

    return read_pool(folder)


def seconds_until(clock: str) -> float:
    hour, minute = map(int, clock.split(":"))
    return (datetime.now().replace(hour=hour, minute=minute, second=0) - datetime.now()).total_seconds()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--shared", type=Path, default=ROOT.parent / "shared")
    parser.add_argument("--until", required=True, help="HH:MM by this machine's clock: the learning rate is zero then")
    parser.add_argument("--batch", type=int, default=16)
    parser.add_argument("--rate", type=float, default=1.5e-3)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--plates", type=Path, default=ROOT / "training/work/plates")
    parser.add_argument("--every", type=int, default=1, help="take each n-th photo only")
    parser.add_argument("--threads", type=int, default=1)
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    torch.manual_seed(args.seed)
    WORK.mkdir(parents=True, exist_ok=True)
    network = PlateDetector().to(memory_format=torch.channels_last)
    average = PlateDetector()
    average.load_state_dict(network.state_dict())
    seen, log = 0, WORK / "log.jsonl"
    checkpoint = WORK / "last.safetensors"
    for saved in (checkpoint, STATE):
        if saved.exists():
            state = load_file(saved)
            network.load_state_dict({k.removeprefix("live."): v.float() if v.is_floating_point() else v
                                     for k, v in state.items() if k.startswith("live.")} or
                                    {k.removeprefix("ema."): v.float() if v.is_floating_point() else v
                                     for k, v in state.items() if k.startswith("ema.")})
            average.load_state_dict({k.removeprefix("ema."): v.float() if v.is_floating_point() else v
                                     for k, v in state.items() if k.startswith("ema.")})
            seen = json.loads(saved.with_suffix(".json").read_text())["seen"]
            print(f"resumed from {saved.name}: {seen} pictures seen", flush=True)
            break
    decay, plain = [], []
    for parameter in network.parameters():
        (decay if parameter.ndim > 1 else plain).append(parameter)
    optimiser = torch.optim.AdamW([{"params": decay, "weight_decay": 0.02}, {"params": plain, "weight_decay": 0}])
    photos = load(args.shared / "data", args.every)
    plates = drawn_plates(args.plates)
    print(f"{len(photos)} photos, {sum(len(p.boxes) for p in photos)} plates, {len(plates)} drawn plates", flush=True)
    views = DataLoader(Views(photos, plates, args.batch, args.seed + seen), batch_size=None, num_workers=1, prefetch_factor=4)
    grids = {side: cell_grid(side, side) for side in SIDES}
    start, span = time.time(), seconds_until(args.until)
    step, sums, reported, written, last_seen = 0, {}, time.time(), time.time(), seen

    def save() -> None:
        state = {f"live.{k}": v.contiguous() for k, v in network.state_dict().items()}
        state |= {f"ema.{k}": v.contiguous() for k, v in average.state_dict().items()}
        save_file(state, checkpoint.with_suffix(".part"))
        checkpoint.with_suffix(".part").rename(checkpoint)
        checkpoint.with_suffix(".json").write_text(json.dumps({"seen": seen}))

    for images, targets in views:
        done = (time.time() - start) / span
        if done >= 1:
            break
        rate = args.rate * min(1, (step + 1) / 200) * (0.5 + 0.5 * math.cos(math.pi * done))
        for group in optimiser.param_groups:
            group["lr"] = rate
        inputs = images.float().div(255).contiguous(memory_format=torch.channels_last)
        with torch.autocast("cpu", dtype=torch.bfloat16):
            raw = network(inputs)
        losses = detection_loss(raw.float(), targets, *grids[images.shape[-1]])
        optimiser.zero_grad(set_to_none=True)
        losses["total"].backward()
        torch.nn.utils.clip_grad_norm_(network.parameters(), 5.0)
        optimiser.step()
        step, seen = step + 1, seen + len(images)
        keep = min(0.998, (1 + step) / (10 + step))
        with torch.no_grad():
            for ours, theirs in zip(average.state_dict().values(), network.state_dict().values(), strict=True):
                if ours.is_floating_point():
                    ours.lerp_(theirs, 1 - keep)
                else:
                    ours.copy_(theirs)
        for name, value in losses.items():
            sums[name] = sums.get(name, 0.0) + float(value.detach())
        if step % 50 == 0:
            line = {k: round(v / 50, 4) for k, v in sums.items()}
            line |= {"seen": seen, "rate": round(rate, 6), "per_second": round((seen - last_seen) / (time.time() - reported), 1)}
            with log.open("a") as out:
                out.write(json.dumps(line) + "\n")
            sums, reported, last_seen = {}, time.time(), seen
        if time.time() - written > 120:
            save()
            written = time.time()
    save()


if __name__ == "__main__":
    main()
