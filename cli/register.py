"""`platehost register`: the operator's own register of vehicles, which the NPR API's answers tell from."""

import argparse
import sys
from pathlib import Path

from cli.errors import UserError
from cli.open_store import open_store
from cli.store_address import add_data_option
from cli.tables import print_table
from platehost.register import PlateError, Register, plate_of
from platehost.register_csv import COLUMNS, CsvError, Parsed, parse


def add_parser(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    parser = commands.add_parser(
        "register",
        help="say which vehicles your own plates belong to",
        description="The vehicles of your own plates, told in the NPR API's answers with PLATEHOST_LOOKUP=register.",
    )
    actions = parser.add_subparsers(title="actions", metavar="ACTION", required=True)

    take = actions.add_parser(
        "import",
        help="take vehicles from a CSV file",
        description=f"Take vehicles from CSV in UTF-8 whose first line names columns of {', '.join(COLUMNS)}. A plate "
        "that is there already gets the file's vehicle. A file with a fault changes nothing.",
    )
    take.add_argument("file", metavar="FILE", help="the CSV file, or - for the standard input")
    take.add_argument("--replace", action="store_true", help="forget every plate that is not in the file")
    take.set_defaults(run=_import)

    listing = actions.add_parser("list", help="list the vehicles")
    listing.set_defaults(run=_list)

    remove = actions.add_parser("remove", help="forget plates", description="Forget plates.")
    remove.add_argument("plates", metavar="PLATE", nargs="+", help="a plate, with or without its gaps")
    remove.set_defaults(run=_remove)

    clear = actions.add_parser("clear", help="forget every plate", description="Forget every plate.")
    clear.set_defaults(run=_clear)

    for action in (take, listing, remove, clear):
        add_data_option(action)


def _import(args: argparse.Namespace) -> int:
    parsed = _parse(args.file)
    with open_store(args.data) as store:
        Register(store).add(parsed.vehicles, replace=args.replace)
    if parsed.ignored:
        print(f"Columns that mean nothing here: {', '.join(parsed.ignored)}.", file=sys.stderr)
    count = len(parsed.vehicles)
    print(f"{count} {'vehicle' if count == 1 else 'vehicles'} taken{', all others forgotten' if args.replace else ''}.")
    return 0


def _parse(file: str) -> Parsed:
    try:
        content = sys.stdin.buffer.read() if file == "-" else Path(file).read_bytes()
    except OSError as error:
        raise UserError(f"{file} cannot be read: {(error.strerror or str(error)).lower()}.") from error
    try:
        return parse(content)
    except CsvError as error:
        raise UserError(f"{file} was not taken. " + "\n".join(error.faults)) from error


def _list(args: argparse.Namespace) -> int:
    with open_store(args.data) as store:
        rows = [
            (plate, each.make or "", each.model or "", each.colour or "", str(each.year or ""), each.fuel_type or "")
            for plate, each in Register(store).vehicles()
        ]
    print_table(COLUMNS, rows)
    return 0


def _remove(args: argparse.Namespace) -> int:
    try:
        plates = [plate_of(each) for each in args.plates]
    except PlateError as error:
        raise UserError(f"PLATE {error}.") from error
    with open_store(args.data) as store:
        register = Register(store)
        unknown = [plate for plate in plates if not register.remove(plate)]
    if unknown:
        raise UserError(f"The register does not know {', '.join(unknown)}; `platehost register list` shows its plates.")
    print(f"{', '.join(plates)} forgotten.")
    return 0


def _clear(args: argparse.Namespace) -> int:
    with open_store(args.data) as store:
        count = Register(store).clear()
    print(f"{count} {'vehicle' if count == 1 else 'vehicles'} forgotten.")
    return 0
