"""`platehost key`: the keys that clients of the service sign their requests with."""

import argparse
import contextlib
import sys
from collections.abc import Iterator

import redis

from cli.errors import UserError
from cli.store_address import add_data_option, store_address
from cli.tables import print_table
from platehost.accounts import DEFAULT_ACCOUNT, AccountError, Accounts
from platehost.store import connect


def add_parser(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    parser = commands.add_parser(
        "key",
        help="make, list and revoke the keys of the service's clients",
        description="Make, list and revoke the keys that clients send as `Authorization: Token KEY` or `Bearer KEY`.",
    )
    actions = parser.add_subparsers(title="actions", metavar="ACTION", required=True)

    create = actions.add_parser("create", help="make a key and print it", description="Make a key and print it, once.")
    create.add_argument("name", metavar="NAME", help="who will use the key; for your own eyes")
    create.add_argument("--account", default=DEFAULT_ACCOUNT, help=f"account (default: {DEFAULT_ACCOUNT})")
    create.set_defaults(run=_create)

    listing = actions.add_parser("list", help="list the keys, without their secrets")
    listing.set_defaults(run=_list)

    revoke = actions.add_parser("revoke", help="end a key at once", description="End a key at once.")
    revoke.add_argument("id", metavar="ID", help="the key's id, as `platehost key list` shows it")
    revoke.set_defaults(run=_revoke)

    for action in (create, listing, revoke):
        add_data_option(action)


def _create(args: argparse.Namespace) -> int:
    try:
        args.name.encode()
    except UnicodeEncodeError:
        raise UserError("A key's name is text in UTF-8, and this one is not: write it anew.") from None
    with _accounts(args.data) as accounts:
        secret = accounts.create_key(args.name, args.account)
    print(secret)
    print("This is the only time that the key is shown.", file=sys.stderr)
    return 0


def _list(args: argparse.Namespace) -> int:
    with _accounts(args.data) as accounts:
        keys = accounts.list_keys()
    rows = [
        (
            key.id,
            key.name,
            key.account,
            f"{key.created:%Y-%m-%d %H:%M}",
            f"{key.revoked:%Y-%m-%d %H:%M}" if key.revoked else "",
        )
        for key in keys
    ]
    print_table(("id", "name", "account", "created (UTC)", "revoked (UTC)"), rows)
    return 0


def _revoke(args: argparse.Namespace) -> int:
    with _accounts(args.data) as accounts:
        if not accounts.revoke_key(args.id):
            raise UserError(f"No key in use has the id {args.id}; `platehost key list` shows the ids.")
    print(f"{args.id} is revoked.")
    return 0


@contextlib.contextmanager
def _accounts(data: str | None) -> Iterator[Accounts]:
    """The accounts in the store of the command; what goes wrong there is told in one sentence."""
    with store_address(data) as url:
        try:
            store = connect(url)
        except ValueError as error:
            raise UserError(str(error)) from error
        try:
            yield Accounts(store)
        except AccountError as error:
            raise UserError(str(error)) from error
        except redis.RedisError as error:
            raise UserError(f"The store does not answer: {error}.") from error
        finally:
            store.close()
