"""From the data to the packs: trains each network, exports it, and fits what weighs them.

    python -m training.everything --hours 12                     # all, from first weights; goes on after a stop
    python -m training.everything --only reader --until 15:30    # one, from its committed state

Seeds are fixed; how far a network comes in its share of the hours depends on the machine.
"""

import argparse
import subprocess
import sys
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from training.folders import ROOT, SHARED
from training.run import state_file


@dataclass(frozen=True)
class Step:
    """network: whose checkpoint it goes on from; share: of the hours; train, export: modules with their options; mean:
    whether the mean with the state that is committed is exported, and not the state that it ends with.
    """

    network: str
    share: float
    train: list[str]
    export: list[str]
    mean: bool = False


DETECTOR = ["training.detector.train"], ["training.detector.export"]
READER = ["training.reader.train"], ["training.reader.export"]
# The reader learns what is no plate from a detector: first that.
STEPS = [
    Step("detector", 0.25, *DETECTOR),
    Step("detector", 0.15, *DETECTOR, mean=True),
    Step("reader", 0.30, *READER),
    Step("reader", 0.15, *READER, mean=True),
    *(
        Step(name, share, ["training.vehicle.train", name], ["training.vehicle.export", name])
        for name, share in (("vehicle_attributes", 0.05), ("make_model", 0.10))
    ),
]
SEED = 1
PACKS = ("models/default", "models/make-model")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    length = parser.add_mutually_exclusive_group(required=True)
    length.add_argument("--hours", type=float, help="for all networks together")
    length.add_argument("--until", help="HH:MM, with --only")
    parser.add_argument(
        "--only",
        choices=list(dict.fromkeys(step.network for step in STEPS)),
        help="this one network, from its committed state",
    )
    parser.add_argument("--shared", type=Path, default=SHARED, help="photos, fonts and tables")
    args = parser.parse_args()
    if bool(args.only) != bool(args.until):
        parser.error("--only and --until belong together; --hours is for all networks")
    for step in [each for each in STEPS if each.network == args.only][-1:] or STEPS:
        place = step.network if args.only else f"afresh/{step.network}"
        checkpoint = ROOT / "training/work" / place / "last.safetensors"
        until = args.until or f"{datetime.now() + timedelta(hours=args.hours * step.share):%H:%M}"
        afresh = [] if args.only else ["--afresh"]
        work = ["--work", str(checkpoint.parent)]
        run([*step.train, "--until", until, "--seed", str(SEED), "--shared", str(args.shared), *work, *afresh])
        chosen = checkpoint
        if step.mean:
            chosen = checkpoint.with_name("mean.safetensors")
            run(["training.mean", str(state_file(step.network)), str(checkpoint), str(chosen)])
        run([*step.export, "--shared", str(args.shared), "--checkpoint", str(chosen)])
        for pack in PACKS:
            run(["training.pack", pack])
    run(["training.confidence", PACKS[0]])
    run(["training.scores", PACKS[0]])


def run(module: list[str]) -> None:
    """Runs one of the commands; what it prints is seen, and its failure ends everything."""
    print("python -m", *module, flush=True)
    subprocess.run([sys.executable, "-m", *module], check=True, cwd=ROOT)  # noqa: S603  our own modules


if __name__ == "__main__":
    main()
