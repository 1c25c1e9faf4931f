"""`platehost plan`: how much the accounts that have a plan may do."""

import argparse
import json
from typing import Any

from cli.errors import UserError
from cli.open_store import open_store
from cli.store_address import add_data_option
from cli.tables import print_table
from platehost.accounts import Accounts
from platehost.plans import UNLIMITED, Plans

_NONE = {"none", UNLIMITED}


def add_parser(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    parser = commands.add_parser(
        "plan",
        help="make, list, change and remove the plans of accounts",
        description="A plan says how often a key may call, how many calls a month (UTC) has, and whether mmc is "
        f"included. Without one of yours, accounts have the plan {UNLIMITED}.",
    )
    actions = parser.add_subparsers(title="actions", metavar="ACTION", required=True)

    add = actions.add_parser("add", help="make a plan")
    add.add_argument("name", metavar="NAME", help="1 to 40 of a-z, 0-9, dash and underscore")
    add.set_defaults(run=_add)

    change = actions.add_parser("set", help="change what a plan gives, at once and for all that have it")
    change.add_argument("name", metavar="NAME")
    change.set_defaults(run=_set)

    for action in (add, change):
        action.add_argument(
            "--rate",
            metavar="RATE",
            help="requests of one key, such as '8 per second' or '600 per minute'; a number alone is per second; none "
            "for that of PLATEHOST_RATE_LIMIT",
        )
        action.add_argument("--calls", metavar="N", help="recognitions in a month; none for no limit")
        action.add_argument("--mmc", choices=("yes", "no"), help="whether make, model, colour and direction are told")

    listing = actions.add_parser("list", help="list the plans and how many accounts have them")
    listing.add_argument("--json", action="store_true", help="print JSON")
    listing.set_defaults(run=_list)

    remove = actions.add_parser("remove", help="remove a plan that no account has")
    remove.add_argument("name", metavar="NAME")
    remove.set_defaults(run=_remove)

    for action in (add, change, listing, remove):
        add_data_option(action)


def _add(args: argparse.Namespace) -> int:
    with open_store(args.data) as store:
        plan = Plans(store).add(args.name, **_given(args))
    print(f"The plan {plan.name} is made.")
    return 0


def _set(args: argparse.Namespace) -> int:
    changes = _given(args)
    if not changes:
        raise UserError("Nothing to change: give --rate, --calls or --mmc.")
    with open_store(args.data) as store:
        Plans(store).change(args.name, **changes)
    print(f"The plan {args.name} is changed.")
    return 0


def _list(args: argparse.Namespace) -> int:
    with open_store(args.data) as store:
        plans = Plans(store).list()
        having = [account.plan for account in Accounts(store).list()]
    if args.json:
        print(json.dumps([{**plan.described(), "accounts": having.count(plan.name)} for plan in plans], indent=2))
        return 0
    rows = [
        (
            plan.name,
            plan.rate or "PLATEHOST_RATE_LIMIT",
            "no limit" if plan.calls is None else str(plan.calls),
            "yes" if plan.mmc else "no",
            str(having.count(plan.name)),
        )
        for plan in plans
    ]
    print_table(("name", "rate of a key", "calls a month", "mmc", "accounts"), rows)
    return 0


def _remove(args: argparse.Namespace) -> int:
    with open_store(args.data) as store:
        Plans(store).remove(args.name)
    print(f"The plan {args.name} is removed.")
    return 0


def _given(args: argparse.Namespace) -> dict[str, Any]:
    given: dict[str, Any] = {}
    if args.rate is not None:
        given["rate"] = None if args.rate.strip().lower() in _NONE else args.rate
    if args.calls is not None:
        given["calls"] = _calls(args.calls)
    if args.mmc is not None:
        given["mmc"] = args.mmc == "yes"
    return given


def _calls(text: str) -> int | None:
    if text.strip().lower() in _NONE:
        return None
    try:
        return int(text)
    except ValueError:
        raise UserError(f"--calls is {text!r}, but must be a whole number, or none for no limit.") from None
