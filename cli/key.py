"""`platehost key`: the keys that clients of the service sign their requests with."""

import argparse
import json
import re
import sys
from datetime import UTC, datetime, timedelta

from cli.errors import UserError
from cli.open_store import in_utf_8, open_store
from cli.store_address import add_data_option
from cli.tables import print_table
from platehost.accounts import DEFAULT_ACCOUNT, Accounts
from platehost.keys import Key

_UNITS = {"h": timedelta(hours=1), "d": timedelta(days=1), "w": timedelta(weeks=1)}
_HEADINGS = ("id", "name", "account", "state", "created (UTC)", "last used (UTC)", "expires (UTC)", "revoked (UTC)")


def add_parser(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    parser = commands.add_parser(
        "key",
        help="make, list and revoke the keys of the service's clients",
        description="Make, list and revoke the keys that clients send as `Authorization: Token KEY` or `Bearer KEY`.",
    )
    actions = parser.add_subparsers(title="actions", metavar="ACTION", required=True)

    create = actions.add_parser(
        "create", aliases=["add"], help="make a key and print it", description="Make a key and print it, once."
    )
    create.add_argument("label", nargs="?", metavar="NAME", help="who will use the key; for your own eyes")
    create.add_argument("--name", help="the same as NAME")
    create.add_argument("--account", default=DEFAULT_ACCOUNT, help=f"account (default: {DEFAULT_ACCOUNT})")
    create.add_argument(
        "--expires",
        metavar="WHEN",
        help="when the key ends: a time in UTC, such as 2030-01-31 or 2030-01-31T18:00, or a while from now, such as "
        "12h, 30d or 52w (default: never)",
    )
    create.set_defaults(run=_create)

    listing = actions.add_parser("list", help="list the keys, without their secrets")
    listing.add_argument("--account", help="only the keys of this account")
    listing.add_argument("--json", action="store_true", help="print JSON")
    listing.set_defaults(run=_list)

    revoke = actions.add_parser("revoke", help="end a key at once", description="End a key at once.")
    revoke.add_argument("id", metavar="ID", help="the key's id, as `platehost key list` shows it")
    revoke.set_defaults(run=_revoke)

    for action in (create, listing, revoke):
        add_data_option(action)


def _create(args: argparse.Namespace) -> int:
    name = args.label if args.name is None else args.name
    if name is None or (args.label is not None and args.name is not None):
        raise UserError("A key has one name: `platehost key create NAME`.")
    in_utf_8("A key's name", name)
    expires = _moment(args.expires) if args.expires else None
    with open_store(args.data) as store:
        secret = Accounts(store).create_key(name, args.account, expires_at=expires, known=True)
    print(secret)
    print("This is the only time that the key is shown.", file=sys.stderr)
    return 0


def _moment(text: str) -> datetime:
    now = datetime.now(UTC)
    try:
        if found := re.fullmatch(r"(\d{1,5})([hdw])", text.strip().lower()):
            return now + int(found[1]) * _UNITS[found[2]]
        moment = datetime.fromisoformat(text.strip())
    except (ValueError, OverflowError):
        raise UserError(
            f"--expires is {text!r}; write a time in UTC, such as 2030-01-31, or a while from now, such as 30d."
        ) from None
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


def _list(args: argparse.Namespace) -> int:
    with open_store(args.data) as store:
        keys = Accounts(store).list_keys(args.account)
    now = datetime.now(UTC)
    if args.json:
        print(json.dumps([key.described(now) for key in keys], indent=2))
    else:
        print_table(_HEADINGS, [row_of(key, now) for key in keys])
    return 0


def row_of(key: Key, now: datetime) -> tuple[str, ...]:
    """A key as `platehost key list` shows it."""
    times = (key.created, key.last_used, key.expires_at, key.revoked)
    shown = (f"{time:%Y-%m-%d %H:%M}" if time else "" for time in times)
    return (key.id, key.name, key.account, key.state(now), *shown)


def _revoke(args: argparse.Namespace) -> int:
    with open_store(args.data) as store:
        if not Accounts(store).revoke_key(args.id):
            raise UserError(f"No key in use has the id {args.id}; `platehost key list` shows the ids.")
    print(f"{args.id} is revoked.")
    return 0
