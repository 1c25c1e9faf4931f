"""How long a process waits for a store that is away: for ever, until it is asked to stop."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from typing import Any, TypeVar

from redis.backoff import ExponentialBackoff
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import OutOfMemoryError, ReadOnlyError
from redis.exceptions import TimeoutError as RedisTimeoutError
from redis.retry import Retry

log = logging.getLogger("platehost.store")

T = TypeVar("T")

# Enough to write the results of a batch through a short restart of Redis.
_GRACE_AFTER_STOP = 5.0
_SECONDS_BETWEEN_LOGS = 5.0

# A full store and one that fails over come back like one that restarts.
_PASSING = (RedisConnectionError, RedisTimeoutError, OSError, OutOfMemoryError, ReadOnlyError)


class Patience(Retry):
    """Tries every Redis command again, with pauses up to a second, until `end` was called and a grace time is over."""

    def __init__(self) -> None:
        super().__init__(ExponentialBackoff(cap=1.0, base=0.05), -1, _PASSING)
        self._gives_up_at = float("inf")
        self._logged = float("-inf")

    def __deepcopy__(self, memo: dict[int, Any]) -> Patience:
        # redis-py copies a client's retry for every connection; `end` must reach them all.
        return self

    @property
    def ended(self) -> bool:
        return self._gives_up_at != float("inf")

    def end(self) -> None:
        """From now on only the grace time is left. May be called from a signal handler."""
        self._gives_up_at = time.monotonic() + _GRACE_AFTER_STOP

    def call_with_retry(
        self,
        do: Callable[[], T],
        fail: Callable[..., Any],
        is_retryable: Callable[[Exception], bool] | None = None,
        with_failure_count: bool = False,
    ) -> T:
        def worth_it(error: Exception) -> bool:
            return time.monotonic() < self._gives_up_at and (is_retryable is None or is_retryable(error))

        def note(error: Exception, *count: int) -> Any:
            if time.monotonic() - self._logged > _SECONDS_BETWEEN_LOGS:
                self._logged = time.monotonic()
                log.warning("the store is not reachable, trying again", extra={"fields": {"error": str(error)}})
            return fail(error, *count)

        return super().call_with_retry(do, note, worth_it, with_failure_count)
