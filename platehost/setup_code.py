"""The code that makes the first owner: whoever can read the server's log may, a stranger on the network may not."""

from __future__ import annotations

import hmac
import logging
import secrets

from platehost.store import Client

CODE = "platehost:setup:code"
SAID = "platehost:setup:said"
# Without signs that look alike. 12 of 31 signs are 59 bits, and tries are limited.
_SIGNS = "23456789ABCDEFGHJKMNPQRSTUVWXYZ"
_SECONDS_BETWEEN_LINES = 60

log = logging.getLogger("setup")


class SetupCode:
    """The code in one Redis, the same for all processes. Methods may raise redis.RedisError."""

    def __init__(self, store: Client) -> None:
        self._store = store

    def current(self) -> str:
        """The code, made when there is none: three groups of four signs."""
        fresh = "-".join("".join(secrets.choice(_SIGNS) for _ in range(4)) for _ in range(3))
        self._store.set(CODE, fresh, nx=True)
        return str((self._store.get(CODE) or b"").decode())

    def say(self) -> None:
        """Writes the code to the log, at most once a minute."""
        code = self.current()
        if self._store.set(SAID, "1", nx=True, ex=_SECONDS_BETWEEN_LINES):
            log.warning(
                "no owner yet: open /dashboard/setup and give this set-up code", extra={"fields": {"code": code}}
            )

    def matches(self, given: str) -> bool:
        """Case, blanks and dashes do not matter."""
        known = self._store.get(CODE)
        return bool(known) and hmac.compare_digest(_plain(known.decode()), _plain(given))

    def forget(self) -> None:
        self._store.unlink(CODE, SAID)


def _plain(code: str) -> bytes:
    return "".join(each for each in code.upper() if each.isalnum()).encode()
