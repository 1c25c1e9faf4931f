"""A started job's sign of life, renewed while its worker works on it.

RQ's own in-process worker gives a started job its whole timeout plus a minute before another may take it over. A short
lease that a thread renews (the core works without the GIL) finds a killed worker within seconds, whatever the timeout.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Sequence

from rq.executions import Execution
from rq.job import Job
from rq.worker import SimpleWorker

log = logging.getLogger("worker.lease")


class Lease:
    """Renews the leases of `started` (job and execution) inside a `with` block, for at most `longest` seconds.

    The limit lets another worker take over from one that hangs.
    """

    def __init__(
        self, worker: SimpleWorker, started: Sequence[tuple[Job, Execution]], *, seconds: int, longest: float
    ) -> None:
        self._worker = worker
        self._started = started
        self._seconds = seconds
        self._ends = time.monotonic() + longest
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._renew, name="lease", daemon=True)

    def __enter__(self) -> Lease:
        self._thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        # Not joined: a renewal that waits for Redis must not hold up the next batch, and a late one changes nothing,
        # because RQ only extends entries that are still there.
        self._done.set()

    def _renew(self) -> None:
        while not self._done.wait(self._seconds / 4) and time.monotonic() < self._ends:
            try:
                with self._worker.connection.pipeline(transaction=False) as pipeline:
                    self._worker.heartbeat(pipeline=pipeline)
                    for job, execution in self._started:
                        execution.heartbeat(job.started_job_registry, self._seconds, pipeline=pipeline)
                    if not self._done.is_set():
                        pipeline.execute()
            except Exception:  # a missed renewal costs at most a second run; a dead thread would cost every one
                log.warning("could not renew the lease", exc_info=True)
