"""Write the trained detector into the pack, and the state that training resumes from.

python -m training.detector.export
"""

import torch

from training.detector.network import Exported, PlateDetector
from training.onnx_file import arguments, fold_norms, write
from training.run import averaged_weights


def main() -> None:
    args = arguments("detector", __doc__).parse_args()
    network = PlateDetector()
    network.load_state_dict(averaged_weights(args.checkpoint))
    network.eval()
    fold_norms(network)
    axes = {"image": {0: "n", 2: "height", 3: "width"}, "grid": {0: "n", 1: "cells"}}
    write("detector", Exported(network), torch.rand(1, 3, 384, 640), torch.rand(2, 3, 480, 320), axes, args)


if __name__ == "__main__":
    main()
