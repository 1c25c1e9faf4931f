"""`python -m tests.lookup.scripted_worker`: a worker process whose core finds the plates written behind a picture.

Behind a plate may stand a make and a colour, as `AB12CDE gb Ford red`: those that a model of vehicles would tell.
"""

from __future__ import annotations

import re
import signal
import sys
from dataclasses import replace

from platehost import logs
from platehost.blobs import RedisBlobs
from platehost.metrics_store import start_reporting
from platehost.patience import Patience
from platehost.reading import Colour, Model, Plate, Vehicle
from platehost.settings import Settings
from platehost.store import connect, connect_patient
from platehost.usage import Usage
from tests.lookup.workplace import WrittenReader
from tests.service.scripted import plate
from worker.batch_worker import BatchWorker
from worker.lookup import open_lookups


class SeeingReader(WrittenReader):
    """Also reads the vehicle."""

    def plates(self, picture: bytes) -> tuple[Plate, ...]:
        seen = re.findall(rb"<([A-Z0-9]+) ([a-z-]+) (\w+) (\w+)>", picture)
        vehicle = Vehicle("Sedan", 0.9, (1.0, 2.0, 300.0, 200.0))
        return super().plates(picture) + tuple(
            replace(
                plate(text.decode(), region.decode()),
                vehicle=replace(
                    vehicle,
                    models=(Model(make.decode(), "Unknown", 0.8),),
                    colours=(Colour(colour.decode(), 0.7), Colour("black", 0.1)),
                ),
            )
            for text, region, make, colour in seen
        )


def main() -> int:
    patience = Patience()
    settings = Settings.from_env()
    start_reporting(settings)
    logs.configure("worker", settings.log_level)
    store = connect_patient(settings.redis_url, patience, longest=10)
    lookups = open_lookups(settings, connect(settings.redis_url))
    worker = BatchWorker(store, SeeingReader(), RedisBlobs(store), Usage(store), settings, patience, lookups)
    signal.signal(signal.SIGTERM, worker.request_stop)
    worker.work(logging_level="WARNING")
    return 0


if __name__ == "__main__":
    sys.exit(main())
