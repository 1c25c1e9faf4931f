"""The mean of two states of one network, which does better than either.

    python -m training.mean OLDER NEWER OUT

Each is a checkpoint or a committed state: the ends of one run, at which the learning rate was zero, lie round a better
place than any of them is at (P. Izmailov et al., "Averaging Weights Leads to Wider Optima and Better Generalization",
2018).
"""

import argparse
from pathlib import Path

import torch
from safetensors.torch import save_file
from torch import Tensor

from training.run import averaged_weights


def mean(older: dict[str, Tensor], newer: dict[str, Tensor]) -> dict[str, Tensor]:
    """Of the averaged weights; what only the newer state has is its own."""
    return {
        name: torch.lerp(older[name], value, 0.5) if name in older and value.is_floating_point() else value
        for name, value in newer.items()
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name in ("older", "newer", "out"):
        parser.add_argument(name, type=Path)
    args = parser.parse_args()
    weights = mean(averaged_weights(args.older), averaged_weights(args.newer))
    save_file({f"ema.{name}": value.contiguous() for name, value in weights.items()}, args.out)
    args.out.with_suffix(".json").write_text(args.newer.with_suffix(".json").read_text())


if __name__ == "__main__":
    main()
