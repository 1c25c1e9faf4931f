"""Jobs whose pictures are read but whose registers have not answered yet: they end soon, and hold up no batch."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_COMPLETED, wait
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any

from worker.lookup import Inquiry

log = logging.getLogger("worker.late_jobs")

# Beyond it, jobs end without waiting: registers that hang must not pile up threads.
MOST_BATCHES = 32


@dataclass(frozen=True, eq=False)
class LateJob:
    """`end` stores the job's outcome with what its registers said by then."""

    inquiry: Inquiry
    end: Callable[[], None]


class LateJobs:
    """Waits for the registers of a batch in a thread of its own, for at most `seconds`; each job ends on its own."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._lock = threading.Lock()
        self._threads: set[threading.Thread] = set()

    def hold(self, jobs: Sequence[LateJob], lease: AbstractContextManager[Any]) -> None:
        """Ends the jobs when their registers have answered or the time is over; `lease` keeps them until then."""
        ends = time.monotonic() + self._seconds
        with self._lock:
            crowded = len(self._threads) >= MOST_BATCHES
            if not crowded:
                thread = threading.Thread(target=self._wait, args=(jobs, lease, ends), name="late-jobs", daemon=True)
                self._threads.add(thread)
                thread.start()
        if crowded:
            log.warning("registers are not waited for, too many jobs do", extra={"fields": {"jobs": len(jobs)}})
            for job in jobs:
                job.end()

    def finish(self) -> None:
        """Waits until every held job has ended."""
        while True:
            with self._lock:
                threads = set(self._threads)
            if not threads:
                return
            for thread in threads:
                thread.join()

    def _wait(self, jobs: Sequence[LateJob], lease: AbstractContextManager[Any], ends: float) -> None:
        try:
            with lease:
                held = list(jobs)
                while held:
                    left = ends - time.monotonic()
                    ready = [job for job in held if left <= 0 or job.inquiry.done]
                    for job in ready:
                        self._end(job)
                    held = [job for job in held if job not in ready]
                    if held and not ready:
                        open_answers = {answer for job in held for answer in job.inquiry.open.values()}
                        wait([each for each in open_answers if not each.done()], left, FIRST_COMPLETED)
        finally:
            with self._lock:
                self._threads.discard(threading.current_thread())

    def _end(self, job: LateJob) -> None:
        try:
            job.end()
        except Exception:  # its lease ends, and it is run again; the others are not held up
            log.exception("a job could not be ended")
