"""Finds what is due and hands it to threads, never more for one target than its caps allow.

A target that is slow holds up only itself: its requests are capped in the store, and a thread is made for every request
that finds none idle.
"""

from __future__ import annotations

import logging
import queue
import threading
import time
from collections.abc import Callable

from platehost.deliveries import Deliveries, Delivery
from platehost.settings import Settings
from platehost.store import RedisError
from platehost.targets import Target

log = logging.getLogger("webhooks.dispatcher")

# Requests in flight in one process. A second process takes what goes beyond.
MOST_IN_FLIGHT = 512
# Beyond this, only targets that answer get more: those that hang can never take all.
_CROWDED = MOST_IN_FLIGHT // 2
# Of one target at a time, so that all due targets get their turn.
_MOST_PER_TURN = 8
_SECONDS_BETWEEN_LOOKS = 0.1
_IDLE_SECONDS = 30.0
# Longer than a store that is slow, and not away, holds up a look.
_SECONDS_OF_NO_LOOK = 15.0

Carry = Callable[[Target, Delivery], None]


class Dispatcher:
    """Call `run` in a thread of its own."""

    def __init__(self, deliveries: Deliveries, carry: Carry, settings: Settings) -> None:
        self._deliveries = deliveries
        self._carry = carry
        self._lease = settings.lease
        self._in_flight: dict[str, int] = {}
        self._lock = threading.Lock()
        self._work: queue.SimpleQueue[tuple[Target, Delivery]] = queue.SimpleQueue()
        self._idle = 0
        self._done = threading.Event()
        self._looked = time.monotonic()

    @property
    def looks(self) -> bool:
        """Whether it has looked for what is due lately."""
        return time.monotonic() - self._looked < _SECONDS_OF_NO_LOOK

    @property
    def in_flight(self) -> int:
        return len(self._in_flight)

    def run(self, stop: threading.Event) -> None:
        """Until `stop` is set; then takes nothing more, but leaves what is in flight to its end."""
        renewed = time.monotonic()
        while not stop.is_set():
            try:
                self.look()
                self._looked = time.monotonic()
                if time.monotonic() - renewed > self._lease / 4:
                    renewed = time.monotonic()
                    self.renew()
            except RedisError as error:
                log.warning("a look for deliveries failed", extra={"fields": {"error": str(error)}})
                stop.wait(1)
            except Exception:  # the only thread that looks: whatever goes wrong, it goes on
                log.exception("a look for deliveries failed")
                stop.wait(1)
            self._done.wait(_SECONDS_BETWEEN_LOOKS)
            self._done.clear()

    def finish(self, seconds: float) -> bool:
        """Waits for what is in flight, and keeps its leases; False when some is left after `seconds`."""
        ends = time.monotonic() + seconds
        while self._in_flight and time.monotonic() < ends:
            try:
                self.renew()
            except RedisError:
                return False
            time.sleep(0.1)
        return not self._in_flight

    def look(self) -> None:
        """Takes what is due now. Raises redis.RedisError."""
        for target_id in self._deliveries.due_targets():
            busy = len(self._in_flight)
            room = min(_MOST_PER_TURN, MOST_IN_FLIGHT - busy)
            if room <= 0:
                return
            taken = self._deliveries.take(target_id, room, crowded=busy >= _CROWDED)
            if taken:
                for delivery in taken[1]:
                    self._hand_over(taken[0], delivery)

    def renew(self) -> None:
        """Keeps the leases of what is in flight. Raises redis.RedisError."""
        with self._lock:
            held = dict(self._in_flight)
        if held:
            self._deliveries.renew(held)

    def _hand_over(self, target: Target, delivery: Delivery) -> None:
        with self._lock:
            self._in_flight[delivery.id] = target.id
            spare = self._idle > 0
            if spare:
                self._idle -= 1
        self._work.put((target, delivery))
        if not spare:
            # A daemon: a receiver that hangs must not keep the process from ending.
            threading.Thread(target=self._serve, name="courier", daemon=True).start()

    def _serve(self) -> None:
        while True:
            try:
                target, delivery = self._work.get(timeout=_IDLE_SECONDS)
            except queue.Empty:
                with self._lock:
                    if self._idle:
                        self._idle -= 1
                        return
                continue
            try:
                self._carry(target, delivery)
            except Exception:  # its lease ends, and another attempt follows
                log.exception("an attempt failed", extra={"fields": {"delivery": delivery.id}})
            with self._lock:
                self._in_flight.pop(delivery.id, None)
                self._idle += 1
            self._done.set()
