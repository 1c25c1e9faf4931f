"""`platehost pack`: what a model pack is, and whether it is whole."""

import argparse
from pathlib import Path

from cli.errors import UserError
from cli.tables import print_table
from platehost.settings import SettingError, Settings


def add_parser(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    parser = commands.add_parser(
        "pack",
        help="look at a model pack",
        description="Look at a model pack, a folder with models and a manifest.toml.",
    )
    actions = parser.add_subparsers(title="actions", metavar="ACTION", required=True)
    verify = actions.add_parser(
        "verify",
        help="say what a pack is and whether it is whole",
        description="Check the hash, kind and shapes of every model of a pack, run each, and say what the pack is. "
        "The exit status is 1, and the message names the file and the field, when something is wrong.",
    )
    verify.add_argument("pack", metavar="DIR", help="the pack's folder")
    verify.set_defaults(run=_verify)


def _verify(args: argparse.Namespace) -> int:
    # Here, not above: the other commands start without the core.
    try:
        from worker.engine import EngineUnavailable, verified
    except ImportError as error:
        raise UserError(str(error)) from error
    try:
        settings = Settings.from_env()
        pack = verified(args.pack, provider=settings.provider, device=settings.provider_device)
    except (SettingError, EngineUnavailable) as error:
        raise UserError(str(error)) from error
    print(f"{pack.name} {pack.version}, licence {pack.licence}, in {Path(args.pack).resolve()}")
    print(pack.provenance)
    print()
    print_table(
        ("stage", "file", "bytes", "kind", "input", "outputs", "sha256"),
        [
            (
                stage.stage,
                stage.file,
                str(stage.size),
                stage.kind,
                _shape(stage.input_shape),
                ", ".join(f"{name} {_shape(shape)}" for name, shape in stage.outputs),
                stage.sha256[:12],
            )
            for stage in pack.stages
        ],
    )
    print("\nThe pack is whole: hashes, kinds and shapes are as its manifest says.")
    return 0


def _shape(sides: list[int]) -> str:
    return "x".join("?" if side < 0 else str(side) for side in sides)
