"""What `scripts/run` shows when the service is ready: a first key, and the lines that read a photo with it."""

import shlex
from pathlib import Path

from cli.data_folder import DataFolder, write_private
from platehost.accounts import Accounts
from platehost.setup_code import SetupCode
from platehost.store import connect
from platehost.users import Users

NAME = "first"


def welcome(folder: DataFolder, store_url: str, base_url: str, photo: Path) -> list[str]:
    """Lines to print: curl calls that read `photo` through both APIs of the service at `base_url`.

    A key is made when the store has none. Its secret is kept in the data folder, for its owner's eyes only, so that the
    lines work after a restart, too. Raises redis.RedisError when the store cannot be reached.
    """
    lines = []
    store = connect(store_url)
    accounts = Accounts(store)
    known = folder.first_key.is_file() and accounts.find_key(folder.first_key.read_text().strip()) is not None
    if not known and all(key.revoked for key in accounts.list_keys()):
        secret = accounts.create_key(NAME)
        write_private(folder.first_key, secret + "\n")
        lines.append(f"A first key was made; it is kept in {folder.first_key}: {secret}")
        known = True
    store.close()

    key = f"$(cat {shlex.quote(str(folder.first_key))})" if known else "YOUR_KEY"
    lines.append("Read a photo, from another terminal, in the words of the Snapshot API and of the NPR API:")
    for scheme, path in (("Token", "/v1/plate-reader/"), ("Bearer", "/api/v1/recognise")):
        lines.append(
            f'  curl -H "Authorization: {scheme} {key}" -F upload=@{shlex.quote(str(photo.resolve()))} {base_url}{path}'
        )
    if not known:
        lines.append("`platehost key create NAME` makes another key when yours is lost.")
    return lines


def dashboard_line(store_url: str, base_url: str) -> str:
    """Where the dashboard is; while it has no owner, with the code that makes one. Raises redis.RedisError."""
    store = connect(store_url)
    try:
        if Users(store).exist():
            return f"Its dashboard: {base_url}/dashboard/"
        return f"Make the owner of its dashboard: {base_url}/dashboard/setup?code={SetupCode(store).current()}"
    finally:
        store.close()
