"""`platehost user`: the people who sign in to the dashboard."""

import argparse
import getpass
import json
import os
import sys

from cli.errors import UserError
from cli.open_store import in_utf_8, open_store
from cli.store_address import add_data_option
from cli.tables import print_table
from platehost import users
from platehost.accounts import DEFAULT_ACCOUNT, Accounts, unknown_account
from platehost.audit import Audit
from platehost.setup_code import SetupCode
from platehost.store import Client
from platehost.users import MEMBER, OWNER, ROLES, Users

WHO = "command line"
_HEADINGS = ("name", "account", "role", "created (UTC)", "last sign-in (UTC)")


def add_parser(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    parser = commands.add_parser(
        "user",
        help="add, list and remove the people who sign in to the dashboard",
        description="Add, list and remove the people who sign in to the dashboard at /dashboard/. Passwords are asked "
        "for, or read from standard input when it is no terminal.",
    )
    actions = parser.add_subparsers(title="actions", metavar="ACTION", required=True)

    add = actions.add_parser("add", help="make a user", description="Make a user; the first one is an owner.")
    add.add_argument("name", metavar="NAME", help="what the user signs in with, such as ada or ada@example.com")
    add.add_argument("--account", default=DEFAULT_ACCOUNT, help=f"account (default: {DEFAULT_ACCOUNT})")
    add.add_argument("--role", choices=ROLES, help="owners change keys, webhooks and members; members look and try")
    add.set_defaults(run=_add)

    listing = actions.add_parser("list", help="list the users")
    listing.add_argument("--account", help="only the users of this account")
    listing.add_argument("--json", action="store_true", help="print JSON")
    listing.set_defaults(run=_list)

    remove = actions.add_parser("remove", help="end a user and all sessions of it at once")
    remove.add_argument("name", metavar="NAME")
    remove.set_defaults(run=_remove)

    password = actions.add_parser("password", help="set a new password and end all sessions with the old one")
    password.add_argument("name", metavar="NAME")
    password.set_defaults(run=_password)

    for action in (add, listing, remove, password):
        add_data_option(action)


def _add(args: argparse.Namespace) -> int:
    in_utf_8("A user's name", args.name)
    password = _ask()
    with open_store(args.data) as store:
        known = Users(store)
        if Accounts(store).get(args.account) is None:
            raise UserError(unknown_account(args.account))
        # Somebody has to be able to change things.
        role = args.role or (MEMBER if known.list(args.account) else OWNER)
        try:
            user = known.add(args.name, password, account=args.account, role=role)
        except users.UserError as error:
            raise UserError(str(error)) from error
        SetupCode(store).forget()
        _note(store, "member added", user.account, f"{user.name} as {user.role}")
    print(f"{user.name} may sign in, as {user.role} of the account {user.account}.")
    return 0


def _list(args: argparse.Namespace) -> int:
    with open_store(args.data) as store:
        found = Users(store).list(args.account)
    if args.json:
        rows = [
            {
                "name": user.name,
                "account": user.account,
                "role": user.role,
                "created": user.created.isoformat(),
                "last_sign_in": user.last_sign_in.isoformat() if user.last_sign_in else None,
            }
            for user in found
        ]
        print(json.dumps(rows, indent=2))
        return 0
    print_table(
        _HEADINGS,
        [
            (
                user.name,
                user.account,
                user.role,
                f"{user.created:%Y-%m-%d %H:%M}",
                f"{user.last_sign_in:%Y-%m-%d %H:%M}" if user.last_sign_in else "",
            )
            for user in found
        ],
    )
    return 0


def _remove(args: argparse.Namespace) -> int:
    with open_store(args.data) as store:
        known = Users(store)
        user = known.get(args.name)
        try:
            if user is None or not known.remove(user.name):
                raise UserError(_unknown(args.name))
        except users.UserError as error:
            raise UserError(str(error)) from error
        _note(store, "member removed", user.account, user.name)
    print(f"{user.name} is removed.")
    return 0


def _password(args: argparse.Namespace) -> int:
    with open_store(args.data) as store:
        if Users(store).get(args.name) is None:
            raise UserError(_unknown(args.name))
    password = _ask()
    with open_store(args.data) as store:
        try:
            user = Users(store).set_password(args.name, password)
        except users.UserError as error:
            raise UserError(str(error)) from error
        if user is None:
            raise UserError(_unknown(args.name))
        _note(store, "password changed", user.account, user.name)
    print(f"{user.name} has a new password; all sessions with the old one have ended.")
    return 0


def _ask() -> str:
    """A password: twice from a terminal, without showing it, otherwise the first line of standard input."""
    if not sys.stdin.isatty():
        return sys.stdin.readline().rstrip("\r\n")
    password = getpass.getpass("Password (10 characters or more): ")
    if getpass.getpass("Once more: ") != password:
        raise UserError("The two passwords are not the same. Nothing was changed.")
    return password


def _note(store: Client, what: str, account: str, detail: str) -> None:
    who = os.environ.get("SUDO_USER") or os.environ.get("USER") or ""
    Audit(store).note(what, who=f"{WHO} ({who})" if who else WHO, account=account, detail=detail)


def _unknown(name: str) -> str:
    return f"There is no user {users.normal_name(name)}; `platehost user list` shows all."
