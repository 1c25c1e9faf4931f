"""`platehost read`: reads the plates of photos in process, without a server."""

import argparse
import itertools
import os
import sys
from collections.abc import Iterable
from pathlib import Path

from rich.progress import Progress

from cli.errors import PREFIX, UserError
from cli.outputs import OUTPUTS
from cli.photos import Photo, find_photos
from cli.progress import bar
from platehost.options import OptionError, Options, parse_options


def add_parser(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    parser = commands.add_parser(
        "read",
        help="read the plates of photos and folders",
        description="Read the plates of photos (JPEG, PNG, WebP) and of folders with all below them, on this machine "
        "and without a server. Prints a table on a terminal, and JSON lines into a file or a pipe. The exit status is "
        "1 when a photo could not be read.",
    )
    parser.add_argument("photos", nargs="+", metavar="PHOTO", help="a photo, or a folder of photos")
    form = parser.add_mutually_exclusive_group()
    form.add_argument("--json", dest="form", action="store_const", const="json", help="one JSON object a line")
    form.add_argument("--csv", dest="form", action="store_const", const="csv", help="one CSV row a plate")
    form.add_argument("--table", dest="form", action="store_const", const="table", help="a table")
    parser.add_argument("--annotate", metavar="DIR", help="write each photo with plates and vehicles drawn in into DIR")
    api = parser.add_argument_group("options of the Snapshot API")
    api.add_argument(
        "--regions",
        action="append",
        metavar="CODES",
        default=[],
        help="where the plates are probably from, such as gb or de,us-ca; may be given several times; their templates "
        "guide the reading",
    )
    api.add_argument("--mmc", action="store_true", help="tell make, model, colour and orientation of the vehicles, too")
    api.add_argument(
        "--config",
        metavar="JSON",
        help='the API\'s config object, such as \'{"threshold_o": 0.8}\' or \'{"detection_mode": "vehicle"}\'',
    )
    parser.add_argument("--pack", metavar="DIR", help="model pack (default: $PLATEHOST_PACK, or the shipped one)")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    # Here, not above: the other commands start without the core and what it needs.
    try:
        from cli import answers
        from cli.annotate import Undrawable, annotate
    except ImportError as error:
        raise UserError(str(error)) from error

    options = _options(args)
    photos = list(find_photos(args.photos))
    targets = _targets(photos, Path(args.annotate)) if args.annotate else {}
    form = args.form or ("table" if sys.stdout.isatty() else "json")
    engine = answers.open_engine(args.pack)
    output = OUTPUTS[form]()
    failed = False
    with _progress(form, len(photos)) as progress:
        for photo, content, answer in answers.read(engine, photos, options):
            if "error" in answer:
                failed = True
            elif photo in targets and content is not None:
                try:
                    annotate(content, answer["results"], targets[photo])
                except Undrawable as error:
                    print(f"{PREFIX}{answer['file']} is not annotated: {error}", file=sys.stderr)
                except OSError as error:
                    raise UserError(f"{targets[photo]} cannot be written: {error.strerror or error}.") from error
            output.add(answer)
            progress.advance(progress.task_ids[0])
    output.end()
    return 1 if failed else 0


def _options(args: argparse.Namespace) -> Options:
    try:
        return parse_options(regions=args.regions, mmc=args.mmc, config=args.config, known_regions_only=True)
    except OptionError as error:
        raise UserError(f"--{error.field}: {error}") from error


def _targets(photos: Iterable[Photo], folder: Path) -> dict[Photo, Path]:
    """Where each photo's annotated copy goes: its place below the folder it was found in, numbered if that is taken."""
    targets: dict[Photo, Path] = {}
    taken: set[Path] = set()
    for photo in dict.fromkeys(photos):  # one that is named twice is drawn once
        target = folder / photo.relative
        for number in itertools.count(2):
            if target not in taken:
                break
            target = folder / photo.relative.with_stem(f"{photo.relative.stem}-{number}")
        taken.add(target)
        if target.exists() and os.path.exists(photo.file) and target.samefile(photo.file):
            raise UserError(f"--annotate would write over {photo.file}: name another folder.")
        targets[photo] = target
    return targets


def _progress(form: str, photos: int) -> Progress:
    """A bar on stderr for long work; none where lines that appear on the terminal show the progress themselves."""
    shown = photos > 1 and sys.stderr.isatty() and (form == "table" or not sys.stdout.isatty())
    return bar("reading", photos, shown=shown)
