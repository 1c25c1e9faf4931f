"""Write a trained vehicle network into its pack, and the state that training resumes from.

python -m training.vehicle.export vehicle_attributes
python -m training.vehicle.export make_model --out models/make-model/make_model.onnx
"""

import argparse
import json
from pathlib import Path

import torch

from training.folders import ROOT, SHARED
from training.onnx_file import PACK, fold_norms, write
from training.run import averaged_weights, checkpoint_file
from training.vehicle.calibrate import calibration
from training.vehicle.crops import model_classes
from training.vehicle.network import Exported
from training.vehicle.train import SHARES, SIDES, crops_of, network_of

OUT = {"vehicle_attributes": PACK / "vehicle_attributes.onnx", "make_model": ROOT / "models/make-model/make_model.onnx"}


def write_classes(manifest: Path, classes: list[tuple[str, str, str]]) -> None:
    """Puts make, model and year of each class, in the network's order, into the manifest; it ends with that list."""
    head, found, _ = manifest.read_text().partition("classes = [\n")
    if not found:
        raise ValueError(f"{manifest.name} has no list of classes to fill")
    lines = "".join(f"    {json.dumps(list(each), ensure_ascii=False)},\n" for each in classes)
    manifest.write_text(f"{head}{found}{lines}]\n")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("network", choices=list(SHARES))
    parser.add_argument("--shared", type=Path, default=SHARED, help="vehicles to calibrate on")
    parser.add_argument("--checkpoint", type=Path)
    parser.add_argument("--out", type=Path)
    parser.add_argument("--no-state", action="store_true", help="leave training/state alone")
    args = parser.parse_args()
    name, data = args.network, args.shared / "data"
    args.checkpoint = args.checkpoint or checkpoint_file(name)
    args.out = args.out or OUT[name]
    network = network_of(name, data)
    network.load_state_dict(averaged_weights(args.checkpoint))
    network.eval()
    torch.set_num_threads(1)
    temperatures = calibration(network, name, crops_of(name, data, held=True), data)
    fold_norms(network)
    side = SIDES[name]
    samples = [torch.randint(0, 256, (n, 3, side, side), dtype=torch.uint8) for n in (1, 3)]
    axes = {"image": {0: "n"}, **{each: {0: "n"} for each in network.properties}}
    write(name, Exported(network, temperatures).eval(), *samples, axes, args)
    if name == "make_model":
        write_classes(args.out.parent / "manifest.toml", model_classes(data))


if __name__ == "__main__":
    main()
