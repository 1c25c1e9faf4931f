"""From the data to the packs: trains each network, exports it, and fits what weighs them.

    python -m training.everything --hours 12                     # all, from first weights; goes on after a stop
    python -m training.everything --only reader --until 15:30    # one, from its committed state

Seeds are fixed; how far a network comes in its share of the hours depends on the machine.
"""

import argparse
import subprocess
import sys
from datetime import datetime, timedelta
from pathlib import Path

from training.folders import ROOT, SHARED

# The share of the hours, what trains and what exports. The reader learns what is no plate from a detector: first that.
NETWORKS = {
    "detector": (0.40, ["training.detector.train"], ["training.detector.export"]),
    "reader": (0.45, ["training.reader.train"], ["training.reader.export"]),
    **{
        name: (share, ["training.vehicle.train", name], ["training.vehicle.export", name])
        for name, share in (("vehicle_attributes", 0.05), ("make_model", 0.10))
    },
}
SEED = 1
PACKS = ("models/default", "models/make-model")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    length = parser.add_mutually_exclusive_group(required=True)
    length.add_argument("--hours", type=float, help="for all networks together")
    length.add_argument("--until", help="HH:MM, with --only")
    parser.add_argument("--only", choices=list(NETWORKS), help="this one network, from its committed state")
    parser.add_argument("--shared", type=Path, default=SHARED, help="photos, fonts and tables")
    args = parser.parse_args()
    if bool(args.only) != bool(args.until):
        parser.error("--only and --until belong together; --hours is for all networks")
    for name in [args.only] if args.only else NETWORKS:
        share, train, export = NETWORKS[name]
        checkpoint = ROOT / "training/work" / (name if args.only else f"afresh/{name}") / "last.safetensors"
        until = args.until or f"{datetime.now() + timedelta(hours=args.hours * share):%H:%M}"
        afresh = [] if args.only else ["--afresh"]
        work = ["--work", str(checkpoint.parent)]
        run([*train, "--until", until, "--seed", str(SEED), "--shared", str(args.shared), *work, *afresh])
        run([*export, "--shared", str(args.shared), "--checkpoint", str(checkpoint)])
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
