"""`python -m webhooks`: one process. Exit status 0 after a stop, 2 when it cannot work at all."""

from __future__ import annotations

import logging
import signal
import socket
import sys
import threading
from types import FrameType

from platehost import logs, metrics
from platehost.address_guard import AddressGuard
from platehost.blobs import Blobs, open_blobs
from platehost.deliveries import Deliveries
from platehost.health import sign_of_webhooks
from platehost.metrics_store import start_reporting
from platehost.outbound import Outbound
from platehost.patience import Patience
from platehost.settings import SettingError, Settings
from platehost.store import Client, RedisError, connect_patient
from platehost.targets import Targets
from webhooks.courier import Courier
from webhooks.dispatcher import MOST_IN_FLIGHT, Dispatcher
from webhooks.mail import Notices
from webhooks.reaper import Reaper

log = logging.getLogger("webhooks")

# Whoever stops this process may kill it after ten seconds; what is cut off is sent again, with the same id.
_SECONDS_TO_FINISH = 7.0
_SECONDS_BETWEEN_SWEEPS = 5.0


class Office:
    """What delivers, apart from the reaper."""

    def __init__(self, store: Client, blobs: Blobs, settings: Settings) -> None:
        """Raises SettingError."""
        self.targets = Targets(store)
        outbound = Outbound(AddressGuard.from_setting(settings.webhook_allow), idle=settings.webhook_in_flight)
        self.deliveries = Deliveries(store, settings)
        self.notices = Notices(store, self.targets, settings)
        courier = Courier(self.deliveries, self.targets, blobs, outbound, self.notices, settings)
        self.dispatcher = Dispatcher(self.deliveries, courier.carry, settings)
        self._blobs = blobs
        self._store = store

    def sweep(self, stop: threading.Event) -> None:
        """Does what is due now and then, until `stop`; for a thread of its own."""
        while not stop.wait(_SECONDS_BETWEEN_SWEEPS):
            try:
                self.sweep_once()
            except Exception:  # nothing here is worth the process
                log.exception("a sweep failed")

    def sweep_once(self) -> None:
        """Gives a sign of life, sends mails, drops surplus pictures, tells of full queues."""
        if self.dispatcher.looks:
            sign_of_webhooks(self._store, socket.gethostname())
        self.notices.send_due()
        for picture in self.deliveries.surplus_pictures():
            self._blobs.drop(picture)
        dropped = self.deliveries.newly_dropped([each.id for each in self.targets.list_all()])
        for target_id, count in dropped.items():
            metrics.DROPPED.inc(count)
            fields = {"target": target_id, "deliveries": count}
            log.error("deliveries were dropped, the target's queue is full", extra={"fields": fields})


def main() -> int:
    patience = Patience()
    try:
        settings = Settings.from_env()
        # A connection for each request in flight, at most.
        store = connect_patient(settings.redis_url, patience, longest=5, max_connections=MOST_IN_FLIGHT + 16)
        blobs = open_blobs(
            settings, store, lambda url: connect_patient(url, patience, longest=5, max_connections=MOST_IN_FLIGHT)
        )
        office = Office(store, blobs, settings)
        reaper = Reaper(store, blobs, office.deliveries)
    except SettingError as error:
        print(error, file=sys.stderr)
        return 2
    logs.configure("webhooks", settings.log_level)
    stop = threading.Event()

    def leave(signum: int, frame: FrameType | None) -> None:
        patience.end()
        stop.set()

    signal.signal(signal.SIGTERM, leave)
    signal.signal(signal.SIGINT, leave)
    start_reporting(settings)
    log.info("started")
    threading.Thread(target=office.sweep, args=(stop,), name="sweep", daemon=True).start()
    dispatching = threading.Thread(target=office.dispatcher.run, args=(stop,), name="dispatcher", daemon=True)
    dispatching.start()
    while not stop.wait(settings.reap_interval):
        try:
            reaper.sweep()
        except RedisError as error:
            log.warning("a look for jobs of dead workers failed", extra={"fields": {"error": str(error)}})
    dispatching.join(2)
    finished = office.dispatcher.finish(_SECONDS_TO_FINISH)
    log.info("stopped", extra={"fields": {"in_flight": 0 if finished else office.dispatcher.in_flight}})
    return 0


if __name__ == "__main__":
    sys.exit(main())
