"""`platehost account`: who keys, targets and calls belong to."""

import argparse
import json
from datetime import UTC, datetime
from typing import Any

from cli.errors import UserError
from cli.key import row_of
from cli.open_store import in_utf_8, open_store
from cli.store_address import add_data_option
from cli.tables import print_table
from platehost.accounts import Account, Accounts, unknown_account
from platehost.plans import UNLIMITED
from platehost.store import Client
from platehost.targets import Targets
from platehost.usage import Quota, Usage
from platehost.users import Users

_MONTHS = 12


def add_parser(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    parser = commands.add_parser(
        "account",
        help="make, list, show, change and remove accounts",
        description="Keys, webhook targets and calls belong to an account. The account main is always there.",
    )
    actions = parser.add_subparsers(title="actions", metavar="ACTION", required=True)

    add = actions.add_parser("add", help="make an account")
    add.add_argument("id", metavar="ID", help="1 to 40 of a-z, 0-9, dash and underscore; it never changes")
    add.set_defaults(run=_add)

    change = actions.add_parser("set", help="change an account's name, e-mail or plan")
    change.add_argument("id", metavar="ID")
    change.set_defaults(run=_set)

    for action in (add, change):
        action.add_argument("--name", help="whose it is, for your own eyes (default: the id)")
        action.add_argument("--mail", help="an e-mail address")
        action.add_argument("--plan", help=f"what it may do (default: {UNLIMITED}); see `platehost plan`")

    listing = actions.add_parser("list", help="list the accounts and their calls of this month")
    listing.set_defaults(run=_list)

    show = actions.add_parser("show", help="show an account, its calls and its keys")
    show.add_argument("id", metavar="ID")
    show.set_defaults(run=_show)

    for action in (listing, show):
        action.add_argument("--json", action="store_true", help="print JSON")

    remove = actions.add_parser(
        "remove", help="remove an account, its keys and its targets", description="Its counted calls are kept."
    )
    remove.add_argument("id", metavar="ID")
    remove.add_argument("--with-keys", action="store_true", help="even if keys of it are in use, which end at once")
    remove.set_defaults(run=_remove)

    for action in (add, change, listing, show, remove):
        add_data_option(action)


def _add(args: argparse.Namespace) -> int:
    with open_store(args.data) as store:
        Accounts(store).add(args.id, **_given(args))
    print(f"The account {args.id} is made; `platehost key create NAME --account {args.id}` makes a key for it.")
    return 0


def _set(args: argparse.Namespace) -> int:
    changes = _given(args)
    if not changes:
        raise UserError("Nothing to change: give --name, --mail or --plan.")
    with open_store(args.data) as store:
        Accounts(store).change(args.id, **changes)
    print(f"The account {args.id} is changed.")
    return 0


def _list(args: argparse.Namespace) -> int:
    with open_store(args.data) as store:
        accounts = Accounts(store).list()
        quotas = [_quota(store, account) for account in accounts]
    if args.json:
        print(json.dumps([_described(*pair) for pair in zip(accounts, quotas, strict=True)], indent=2))
        return 0
    rows = [
        (account.id, account.name, account.mail, account.plan, str(quota.used), _left(quota))
        for account, quota in zip(accounts, quotas, strict=True)
    ]
    print_table(("id", "name", "e-mail", "plan", "calls this month", "left"), rows)
    return 0


def _show(args: argparse.Namespace) -> int:
    now = datetime.now(UTC)
    with open_store(args.data) as store:
        account = Accounts(store).get(args.id)
        if account is None:
            raise UserError(unknown_account(args.id))
        plan = Accounts(store).plan(account.id)
        quota = _quota(store, account)
        keys = Accounts(store).list_keys(account.id)
        months = Usage(store).months(account.id, now, _MONTHS)
    if args.json:
        shown = {
            **_described(account, quota),
            "plan": plan.described(),
            "months": dict(months),
            "keys": [key.described(now) for key in keys],
        }
        print(json.dumps(shown, indent=2))
        return 0
    print_table(
        ("id", "name", "e-mail", "plan", "calls this month", "left", "anew on (UTC)"),
        [
            (
                *(account.id, account.name, account.mail, account.plan),
                *(str(quota.used), _left(quota), f"{quota.resets_on:%Y-%m-%d}"),
            )
        ],
    )
    print()
    print_table(("month (UTC)", "calls"), [(month, str(calls)) for month, calls in months if calls])
    print()
    rows = [row_of(key, now) for key in keys]
    print_table(
        ("key", "name", "state", "created (UTC)", "last used (UTC)", "expires (UTC)", "revoked (UTC)"),
        [(*row[:2], *row[3:]) for row in rows],
    )
    return 0


def _remove(args: argparse.Namespace) -> int:
    with open_store(args.data) as store:
        Accounts(store).remove(args.id, with_keys=args.with_keys)
        targets = Targets(store)
        for target in targets.list(args.id):
            targets.remove(target.id)
        Users(store).remove_account(args.id)
    print(f"The account {args.id} is removed.")
    return 0


def _given(args: argparse.Namespace) -> dict[str, Any]:
    fields = {"name": args.name, "mail": args.mail, "plan": args.plan}
    return {field: in_utf_8(f"The {field}", text) for field, text in fields.items() if text is not None}


def _quota(store: Client, account: Account) -> Quota:
    calls = Accounts(store).plan(account.id).calls
    return Usage(store).quota(account.id, calls, datetime.now(UTC))


def _left(quota: Quota) -> str:
    return "no limit" if quota.left is None else str(quota.left)


def _described(account: Account, quota: Quota) -> dict[str, Any]:
    return {**account.described(), "quota": quota.described()}
