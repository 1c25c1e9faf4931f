"""The mean of two states of the reader, which reads better than either, and, if asked, its heads for region and state
fitted to it.

    python -m training.reader.mean OLDER NEWER OUT --share 0.8
    python -m training.reader.mean OLDER NEWER OUT --until 15:30

OLDER and NEWER are checkpoints or committed states (M. Wortsman et al., "Model soups", 2022: states of one run lie
close enough for their mean to be a network as good). The heads are small: they are trained alone, on its features; that
pays where the older state has a large share. Then `python -m training.reader.export --checkpoint OUT` writes the pack's
file.
"""

import argparse
import json
import time
from pathlib import Path

import torch
from safetensors.torch import save_file
from torch import Tensor
from torch.nn import functional
from torch.utils.data import DataLoader

from training.folders import SHARED
from training.reader.classes import ALPHABET, NO_REGION, REGIONS, STATES
from training.reader.network import PlateReader
from training.reader.train import Samples
from training.run import averaged_weights, seconds_until

RATE, DECAY = 2e-3, 0.02
REAL, OTHER = 0.4, 0.02  # shares of the plates that the heads learn from
FOLLOW = 0.02  # how far the kept heads follow at each step


def mean(older: dict[str, Tensor], newer: dict[str, Tensor], share: float = 0.5) -> dict[str, Tensor]:
    """share: of the newer one, 0 to 1. What only the newer state has is its own."""
    return {
        name: torch.lerp(older[name], value, share) if name in older and value.is_floating_point() else value
        for name, value in newer.items()
    }


def fit_heads(network: PlateReader, samples: Samples, end: float) -> None:
    """Trains the heads for region and state, and nothing else, until `end`, as `time.time` tells it."""
    heads = [*network.region.parameters(), *network.state.parameters(), *network.look.parameters()]
    kept = [each.detach().clone() for each in heads]
    optimiser = torch.optim.AdamW(heads, weight_decay=DECAY)
    started, seen = 0.0, 0
    for pictures, _, _, _, regions, states, _ in DataLoader(samples, batch_size=None, num_workers=1, prefetch_factor=6):
        started = started or time.time()
        if time.time() >= end:
            break
        share = (time.time() - started) / (end - started)
        with torch.no_grad():
            _, whole = network.tokens(pictures)
        known = max(1, int((states != NO_REGION).sum()))
        region, state = network.origin(whole)
        loss = functional.cross_entropy(region, regions, ignore_index=NO_REGION, label_smoothing=0.05)
        of_states = functional.cross_entropy(
            state, states, ignore_index=NO_REGION, label_smoothing=0.02, reduction="sum"
        )
        for group in optimiser.param_groups:
            group["lr"] = RATE * (1 - share)
        optimiser.zero_grad()
        (loss + of_states / known).backward()
        optimiser.step()
        seen += len(pictures)
        with torch.no_grad():
            for average, each in zip(kept, heads, strict=True):
                average.lerp_(each, FOLLOW)
    with torch.no_grad():
        for average, each in zip(kept, heads, strict=True):
            each.copy_(average)
    print(f"{seen} plates fitted the heads", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("older", type=Path)
    parser.add_argument("newer", type=Path)
    parser.add_argument("out", type=Path, help="checkpoint to write, beside it the .json that goes with it")
    parser.add_argument(
        "--until", help="fit the heads until HH:MM by this machine's clock (default: leave them as they are)"
    )
    parser.add_argument("--share", type=float, default=0.5, help="of the newer state, 0 to 1 (default: half)")
    parser.add_argument("--shared", type=Path, default=SHARED, help="photos, fonts and tables")
    parser.add_argument("--seed", type=int, default=1)
    args = parser.parse_args()
    torch.set_num_threads(1)
    torch.manual_seed(args.seed)
    network = PlateReader(len(ALPHABET) + 1, len(REGIONS), len(STATES))
    network.load_state_dict(mean(averaged_weights(args.older), averaged_weights(args.newer), args.share))
    network.eval()
    seen = json.loads(args.newer.with_suffix(".json").read_text())["seen"]
    if args.until:
        end = time.time() + seconds_until(args.until)
        fit_heads(network, Samples(args.shared, REAL, OTHER, args.seed + seen), end)
    save_file({f"ema.{name}": value.contiguous() for name, value in network.state_dict().items()}, args.out)
    args.out.with_suffix(".json").write_text(json.dumps({"seen": seen}) + "\n")


if __name__ == "__main__":
    main()
