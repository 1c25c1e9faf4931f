"""A trained network as an ONNX file of the pack."""

import argparse
import hashlib
from pathlib import Path

import numpy as np
import onnxruntime
import torch
from torch import Tensor, nn

from training.folders import ROOT
from training.run import checkpoint_file, commit_state

PACK = ROOT / "models/default"


def arguments(name: str, doc: str | None) -> argparse.ArgumentParser:
    """The options that every export takes."""
    parser = argparse.ArgumentParser(description=doc, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--checkpoint", type=Path, default=checkpoint_file(name))
    parser.add_argument("--out", type=Path, default=PACK / f"plate_{name}.onnx")
    parser.add_argument("--no-state", action="store_true", help="leave training/state alone")
    return parser


def fold_norms(network: nn.Module) -> None:
    """Folds each batch-norm into the convolution before it, in place; the network must be in eval mode."""
    for module in network.modules():
        if isinstance(module, nn.Sequential):
            for at in range(len(module) - 1):
                if isinstance(module[at], nn.Conv2d) and isinstance(module[at + 1], nn.BatchNorm2d):
                    module[at] = torch.nn.utils.fuse_conv_bn_eval(module[at], module[at + 1])
                    module[at + 1] = nn.Identity()


def write(name: str, network: nn.Module, sample: Tensor, other: Tensor, axes: dict, args: argparse.Namespace) -> None:
    """Writes `network` to `args.out`, proves it on `other`, prints the manifest's hash, and commits the training state.

    `axes` names the inputs and outputs in order, each with its dynamic axes. Raises ValueError when ONNX Runtime's
    answer is another.
    """
    args.out.parent.mkdir(parents=True, exist_ok=True)
    names = list(axes)
    torch.onnx.export(
        network, (sample,), str(args.out), input_names=names[:1], output_names=names[1:], dynamic_axes=axes,
        opset_version=17,
        dynamo=False,
    )  # fmt: skip
    session = onnxruntime.InferenceSession(str(args.out), providers=["CPUExecutionProvider"])
    with torch.no_grad():
        expected = network(other)
    expected = expected if isinstance(expected, tuple) else (expected,)
    found = session.run(None, {names[0]: other.numpy()})
    difference = max(float(np.abs(a.numpy() - b).max()) for a, b in zip(expected, found, strict=True))
    if difference > 1e-3:
        raise ValueError(f"{args.out.name} differs from the network by {difference:.2e}")
    digest = hashlib.sha256(args.out.read_bytes()).hexdigest()
    print(f'{args.out.stat().st_size / 1e6:.2f} MB, largest difference {difference:.1e}\nsha256 = "{digest}"')
    if not args.no_state:
        commit_state(name, args.checkpoint)
