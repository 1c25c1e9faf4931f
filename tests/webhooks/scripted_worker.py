"""`python -m tests.webhooks.scripted_worker`: a worker process whose core finds the same plate in every picture."""

from __future__ import annotations

import signal
import sys

from platehost import logs
from platehost.blobs import RedisBlobs
from platehost.patience import Patience
from platehost.settings import Settings
from platehost.store import connect_patient
from platehost.usage import Usage
from tests.service.scripted import ScriptedReader
from tests.webhooks.office import READING
from worker.batch_worker import BatchWorker


def main() -> int:
    patience = Patience()
    settings = Settings.from_env()
    logs.configure("worker", settings.log_level)
    store = connect_patient(settings.redis_url, patience, longest=10)
    worker = BatchWorker(store, ScriptedReader(READING), RedisBlobs(store), Usage(store), settings, patience)
    signal.signal(signal.SIGTERM, worker.request_stop)
    worker.work(logging_level="WARNING")
    return 0


if __name__ == "__main__":
    sys.exit(main())
