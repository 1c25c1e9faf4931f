"""Write the trained reader into the pack, and the state that training resumes from.

python -m training.reader.export
"""

from pathlib import Path

import torch

from training.folders import SHARED
from training.onnx_file import arguments, fold_norms, write
from training.reader.calibrate import calibration
from training.reader.classes import ALPHABET, REGIONS, STATES
from training.reader.network import Exported, PlateReader
from training.run import averaged_weights


def main() -> None:
    parser = arguments("reader", __doc__)
    parser.add_argument("--shared", type=Path, default=SHARED, help="plates, fonts and tables to calibrate on")
    parser.add_argument(
        "--held-out",
        action="store_true",
        help="calibrate on the held-out real plates, too: only for a reader that never trained on them; the state in "
        "training/state did",
    )
    args = parser.parse_args()
    torch.set_num_threads(1)
    network = PlateReader(len(ALPHABET) + 1, len(REGIONS), len(STATES))
    network.load_state_dict(averaged_weights(args.checkpoint))
    network.eval()
    fold_norms(network)
    # The exporter knows no fused transformer layer.
    torch.backends.mha.set_fastpath_enabled(False)
    picture = torch.randint(0, 255, (3, 3, 64, 160), dtype=torch.uint8)
    axes = {"image": {0: "n"}, "text": {0: "n"}, "region": {0: "n"}, "plate": {0: "n"}, "state": {0: "n"}}
    exported = Exported(network, calibration(network, args.shared, real=args.held_out))
    write("reader", exported, picture[:1], picture, axes, args)


if __name__ == "__main__":
    main()
