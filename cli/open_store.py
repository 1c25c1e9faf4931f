"""The store of a command that looks after accounts, keys and plans; what goes wrong there is told in one sentence."""

import contextlib
from collections.abc import Iterator

import redis

from cli.errors import UserError
from cli.store_address import store_address
from platehost.accounts import AccountError
from platehost.plans import PlanError
from platehost.store import Client, connect


@contextlib.contextmanager
def open_store(data: str | None) -> Iterator[Client]:
    """A client of the store that `data`, the command's `--data`, leads to. Raises UserError."""
    with store_address(data) as url:
        try:
            store = connect(url)
        except ValueError as error:
            raise UserError(str(error)) from error
        try:
            yield store
        except (AccountError, PlanError) as error:
            raise UserError(str(error)) from error
        except redis.RedisError as error:
            raise UserError(f"The store does not answer: {error}.") from error
        finally:
            store.close()


def in_utf_8(what: str, text: str) -> str:
    """The same text. Raises UserError for one that is not UTF-8, which the store could not keep."""
    try:
        text.encode()
    except UnicodeEncodeError:
        raise UserError(f"{what} is text in UTF-8, and this one is not: write it anew.") from None
    return text
