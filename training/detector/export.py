"""Write the trained detector into the pack, and the state that training resumes from.

    python -m training.detector.export

Batch-norm is folded into the convolutions. The ONNX file takes any batch and any picture whose sides are multiples of 32. Prints the
manifest's lines and the largest difference between torch and ONNX Runtime.
"""

import argparse
import hashlib
import json
from pathlib import Path

import numpy as np
import onnxruntime
import torch
from safetensors.torch import load_file, save_file

from training.detector.network import Exported, PlateDetector
from training.detector.train import ROOT, STATE, WORK


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--checkpoint", type=Path, default=WORK / "last.safetensors")
    parser.add_argument("--out", type=Path, default=ROOT / "models/default/plate_detector.onnx")
    parser.add_argument("--no-state", action="store_true", help="leave training/state alone")
    args = parser.parse_args()
    weights = {k.removeprefix("ema."): v for k, v in load_file(args.checkpoint).items() if k.startswith("ema.")}
    network = PlateDetector()
    network.load_state_dict(weights)
    network.eval()
    for module in network.modules():
        if isinstance(module, torch.nn.Sequential) and len(module) == 3 and isinstance(module[1], torch.nn.BatchNorm2d):
            module[0] = torch.nn.utils.fuse_conv_bn_eval(module[0], module[1])
            module[1] = torch.nn.Identity()
    args.out.parent.mkdir(parents=True, exist_ok=True)
    sample = torch.rand(1, 3, 384, 640)
    torch.onnx.export(
        Exported(network),
        (sample,),
        str(args.out),
        input_names=["image"],
        output_names=["grid"],
        dynamic_axes={"image": {0: "n", 2: "height", 3: "width"}, "grid": {0: "n", 1: "cells"}},
        opset_version=17,
        dynamo=False,
    )
    session = onnxruntime.InferenceSession(str(args.out), providers=["CPUExecutionProvider"])
    other = torch.rand(2, 3, 480, 640)
    with torch.no_grad():
        expected = Exported(network)(other).numpy()
    difference = np.abs(session.run(None, {"image": other.numpy()})[0] - expected).max()
    digest = hashlib.sha256(args.out.read_bytes()).hexdigest()
    print(f"largest difference to torch {difference:.2e}; {args.out.stat().st_size / 1e6:.2f} MB\nsha256 = \"{digest}\"")
    if not args.no_state:
        STATE.parent.mkdir(parents=True, exist_ok=True)
        half = {f"ema.{k}": v.half() if v.is_floating_point() else v for k, v in weights.items()}
        save_file({k: v.contiguous() for k, v in half.items()}, STATE)
        seen = json.loads(args.checkpoint.with_suffix(".json").read_text())
        STATE.with_suffix(".json").write_text(json.dumps(seen) + "\n")


if __name__ == "__main__":
    main()
