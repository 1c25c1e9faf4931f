"""`python -m webhooks`: one process. Exit status 0 after a stop, 2 when it cannot work at all."""

from __future__ import annotations

import logging
import signal
import sys
import threading
from types import FrameType

from platehost import logs
from platehost.patience import Patience
from platehost.settings import SettingError, Settings
from platehost.store import RedisError, connect_patient
from webhooks.reaper import Reaper

log = logging.getLogger("webhooks")


def main() -> int:
    patience = Patience()
    try:
        settings = Settings.from_env()
        reaper = Reaper(connect_patient(settings.redis_url, patience, longest=5))
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
    log.info("started")
    while not stop.wait(settings.reap_interval):
        try:
            reaper.sweep()
        except RedisError as error:
            log.warning("a look for jobs of dead workers failed", extra={"fields": {"error": str(error)}})
    log.info("stopped")
    return 0


if __name__ == "__main__":
    sys.exit(main())
