"""The store that a back-up is taken from or written to."""

import contextlib
from collections.abc import Iterator

from cli.errors import UserError
from cli.store_address import store_address
from platehost.settings import SettingError
from platehost.store import Client, RedisError, connect_waiting

# One step of a large back-up may take Redis a while.
_LONGEST_STEP = 60.0


@contextlib.contextmanager
def opened_store(data: str | None) -> Iterator[Client]:
    """A client of the store that `--data` or REDIS_URL names; what goes wrong there is told in one sentence."""
    with store_address(data) as url:
        try:
            store = connect_waiting(url, longest=_LONGEST_STEP, max_connections=2)
        except SettingError as error:
            raise UserError(str(error)) from error
        try:
            yield store
        except RedisError as error:
            raise UserError(f"The store failed: {error}.") from error
        finally:
            store.close()
