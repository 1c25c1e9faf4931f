"""`python -m tests.service.scripted_worker`: a worker process that takes SCRIPTED_MS a picture and finds no plate."""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Sequence

from platehost import logs
from platehost.blobs import RedisBlobs
from platehost.options import Options
from platehost.patience import Patience
from platehost.reading import Outcome, Reading
from platehost.settings import Settings
from platehost.store import connect_patient
from platehost.usage import Usage
from worker.batch_worker import BatchWorker


class _Reader:
    def __init__(self, seconds: float) -> None:
        self._seconds = seconds

    def read(
        self, pictures: Sequence[bytes], options: Sequence[Options], deadline_ms: int | None = None
    ) -> list[Outcome]:
        time.sleep(self._seconds * len(pictures))
        return [Reading(640, 480) for _ in pictures]


def main() -> int:
    patience = Patience()
    settings = Settings.from_env()
    logs.configure("worker", settings.log_level)
    store = connect_patient(settings.redis_url, patience, longest=10)
    reader = _Reader(float(os.environ.get("SCRIPTED_MS", "0")) / 1000)
    worker = BatchWorker(store, reader, RedisBlobs(store), Usage(store), settings, patience)
    signal.signal(signal.SIGTERM, worker.request_stop)
    worker.work(logging_level="WARNING")
    return 0


if __name__ == "__main__":
    sys.exit(main())
