"""`python -m worker`: one worker process. Exit status 0 after a stop, 2 when it cannot work at all."""

from __future__ import annotations

import logging
import os
import signal
import sys
import time
from types import FrameType

from platehost import logs
from platehost.blobs import open_blobs
from platehost.metrics_store import start_reporting
from platehost.patience import Patience
from platehost.settings import SettingError, Settings
from platehost.store import RedisError, connect, connect_patient
from platehost.usage import Usage
from worker.batch_worker import BatchWorker
from worker.lookup import open_lookups

log = logging.getLogger("worker")


def main() -> int:
    patience = Patience()
    try:
        settings = Settings.from_env()
        connection = connect_patient(settings.redis_url, patience, longest=10)
        blobs = open_blobs(settings, connection, lambda url: connect_patient(url, patience, longest=10))
        lookups = open_lookups(settings, connect(settings.redis_url))
    except SettingError as error:
        print(error, file=sys.stderr)
        return 2
    logs.configure("worker", settings.log_level)
    # Until the worker's own handlers are set, a stop has nothing to finish.
    signal.signal(signal.SIGTERM, _leave)
    signal.signal(signal.SIGINT, _leave)
    try:
        from worker.engine import Recogniser

        began = time.perf_counter()
        reader = Recogniser(
            settings.pack,
            make_model=settings.make_model_beside(settings.pack),
            threads=settings.worker_threads,
            max_pixels=settings.max_pixels,
            batch_size=settings.batch_size,
            provider=settings.provider,
            device=settings.provider_device,
        )
    except (ImportError, RuntimeError) as error:
        log.error("cannot load the core", extra={"fields": {"error": str(error), "pack": settings.pack}})
        return 2
    loaded: dict[str, object] = {"pack": reader.pack.name, "version": reader.pack.version}
    loaded |= {"provider": settings.provider, "seconds": _since(began)}
    if reader.make_model_pack:
        loaded["make_model"] = f"{reader.make_model_pack.name} {reader.make_model_pack.version}"
    log.info("pack loaded", extra={"fields": loaded})
    reporter = start_reporting(settings)
    if lookups:
        log.info("registers are asked", extra={"fields": {"lookup": settings.lookup}})
    stopped = False
    while not stopped:
        try:
            worker = BatchWorker(connection, reader, blobs, Usage(connection), settings, patience, lookups)
            worker.work(logging_level="WARNING")
            if worker.spent:
                log.info("starting afresh", extra={"fields": {"jobs": settings.worker_max_jobs}})
                reporter.last()
                # The same process id: whoever supervises this worker need not know.
                os.execv(sys.executable, [sys.executable, "-m", "worker"])  # noqa: S606
        except RedisError as error:
            log.warning("left without telling the store", extra={"fields": {"error": str(error)}})
        # Whatever else ended the loop, such as a full store, is no reason to end the process.
        stopped = patience.ended
        if not stopped:
            log.error("the worker's loop ended unasked, beginning it again")
            time.sleep(1)
    log.info("stopped")
    return 0


def _since(began: float) -> float:
    return round(time.perf_counter() - began, 2)


def _leave(signum: int, frame: FrameType | None) -> None:
    raise SystemExit(0)


if __name__ == "__main__":
    sys.exit(main())
