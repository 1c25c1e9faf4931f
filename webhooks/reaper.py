"""Gives the jobs of dead workers to living ones.

A worker can die with a job in two states: taken from the queue but not started (it then stands in RQ's intermediate
list), or started (it then has a lease that nobody renews). RQ's own maintenance finds the first after over a minute.
A job that ends here for good gives its reserved call back.
"""

from __future__ import annotations

import logging
import time

from rq import Queue
from rq.job import Job, JobStatus
from rq.registry import StartedJobRegistry
from rq.serializers import JSONSerializer

from platehost.blobs import Blobs
from platehost.deliveries import Deliveries
from platehost.jobs import QUEUE, blob_name
from platehost.store import Client
from platehost.usage import Usage

log = logging.getLogger("webhooks.reaper")

# A living worker starts a job within milliseconds of taking it; a second run of one that was only slow is harmless.
SECONDS_BETWEEN_TAKING_AND_STARTING = 4.0

# Moves a job back only if it still stands in the intermediate list: its worker may start it at this very moment.
_PUT_BACK = """
if redis.call('LREM', KEYS[1], 1, ARGV[1]) == 1 then
  return redis.call('LPUSH', KEYS[2], ARGV[1])
end
return 0
"""


class Reaper:
    """Looks at the one queue. Call `sweep` every second or so."""

    def __init__(self, store: Client, blobs: Blobs, deliveries: Deliveries) -> None:
        self._store = store
        self._blobs = blobs
        self._deliveries = deliveries
        self._queue = Queue(QUEUE, connection=store, serializer=JSONSerializer)
        self._put_back = store.register_script(_PUT_BACK)
        self._usage = Usage(store)
        self._first_seen: dict[str, float] = {}

    def sweep(self) -> None:
        """One look. Raises redis.RedisError when the store cannot be reached."""
        self._sweep_started()
        self._sweep_taken()
        self._usage.sweep()

    def _sweep_started(self) -> None:
        """Jobs whose lease is over go back to the queue while they have runs left, and fail when not."""
        registry = StartedJobRegistry(queue=self._queue)
        now = time.time()
        expired = registry.get_expired_job_ids(now)
        if not expired:
            return
        registry.cleanup(now)
        for job in Job.fetch_many(expired, connection=self._store, serializer=JSONSerializer):
            if job is None or job.get_status(refresh=False) != JobStatus.FAILED:
                continue
            # An earlier run may have read it: its deliveries then still need the picture.
            picture = blob_name(job.id)
            if not self._deliveries.wants_picture(picture):
                self._blobs.drop(picture)

    def _sweep_taken(self) -> None:
        now = time.monotonic()
        taken = set(self._queue.intermediate_queue.get_job_ids())
        self._first_seen = {job_id: self._first_seen.get(job_id, now) for job_id in taken}
        for job_id, seen in list(self._first_seen.items()):
            if now - seen < SECONDS_BETWEEN_TAKING_AND_STARTING:
                continue
            if self._put_back(keys=[self._queue.intermediate_queue_key, self._queue.key], args=[job_id]):
                log.warning(
                    "a job whose worker died before starting it is queued again", extra={"fields": {"job_id": job_id}}
                )
            del self._first_seen[job_id]
