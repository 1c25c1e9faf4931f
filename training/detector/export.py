"""Write the trained detector of plates and vehicles into the pack, and the state that training resumes from.

python -m training.detector.export
"""

from pathlib import Path

import torch

from training.detector.calibrate import PLATES, VEHICLES, calibration
from training.detector.network import Exported, PlateDetector
from training.detector.photos import load
from training.detector.quantise import quantise
from training.folders import SHARED
from training.onnx_file import arguments, fold_norms, write
from training.run import averaged_weights


def main() -> None:
    parser = arguments("detector", __doc__)
    parser.add_argument("--shared", type=Path, default=SHARED, help="photos to calibrate and to quantise on")
    parser.add_argument("--float32", action="store_true", help="leave the network in 32-bit floats")
    args = parser.parse_args()
    network = PlateDetector()
    network.load_state_dict(averaged_weights(args.checkpoint))
    network.eval()
    torch.set_num_threads(1)
    fold_norms(network)
    outputs = {"grid": {0: "n", 1: "cells"}, "vehicles": {0: "n", 1: "vehicle_cells"}}
    axes = {"image": {0: "n", 2: "height", 3: "width"}, **outputs}
    photos = load(args.shared / "data", every=20)
    exported = Exported(network, *(calibration(network, photos, output) for output in (PLATES, VEHICLES)))
    write("detector", exported, torch.rand(1, 3, 384, 640), torch.rand(2, 3, 480, 320), axes, args)
    if not args.float32:
        quantise(args.out, args.shared / "data")
        print(f"{args.out.stat().st_size / 1e6:.2f} MB in 8 bits")


if __name__ == "__main__":
    main()
