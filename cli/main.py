"""Entry point of the `platehost` command: builds the parser and hands over to the command's own file."""

import argparse
import io
import os
import sys
from collections.abc import Sequence

from cli import account, backup, batch, key, pack, plan, read, register, restore, serve, user, webhook
from cli.errors import PREFIX, UserError

DESCRIPTION = "Read number plates from photos, on your own machine."
EPILOG = """examples:
  platehost read car.jpg                     the plates of one photo, as a table
  platehost read holiday/ --json > plates    a folder and all below it, one JSON object a line
  platehost batch holiday/ --output plates.jsonl --key KEY    the same by a running service, in parallel
  platehost serve --port 8080 --data ./data  the HTTP service, with a Redis of its own
  platehost key create garage                a key for a client of the service
  platehost plan add small --rate 8 --calls 2500    what an account of `platehost account` may do
  platehost webhook add http://nvr/plates    tell a receiver of every recognition
  platehost register import cars.csv         what NPR's answers tell of the vehicles of your own plates
  platehost user add ada                     somebody who signs in to the dashboard

`platehost COMMAND --help` tells the options of a command."""


def build_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="platehost",
        description=DESCRIPTION,
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="store_true", help="print the version and end")
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", dest="command")
    for module in (read, batch, serve, key, account, plan, webhook, register, user, pack, backup, restore):
        module.add_parser(commands)
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line `argv` (default: the process's own) and give its exit status."""
    parser = build_parser()
    args = parser.parse_args(argv)
    if args.version:
        from importlib.metadata import version

        print("platehost", version("platehost"))
        return 0
    if args.command is None:
        parser.print_help()
        return 2
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")  # a terminal that cannot show a letter must not end the work
    try:
        status: int = args.run(args)
        sys.stdout.flush()
        return status
    except UserError as error:
        print(f"{PREFIX}{error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        # The reader of our output has gone (`| head`). Python would complain once more while it closes stdout.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1


if __name__ == "__main__":
    sys.exit(main())
