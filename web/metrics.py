"""`GET /metrics` for Prometheus, on a port of its own.

Not on the main port: that is the one that a proxy opens to the world, and what is counted tells a lot about a business.
Prometheus needs no key here; who can reach the port is a matter of PLATEHOST_METRICS_HOST and the network.
"""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import urlsplit

from flask import Flask, Response, request
from prometheus_client import CollectorRegistry
from prometheus_client.exposition import choose_encoder
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from platehost import gauges, metrics_store
from platehost.settings import Settings
from platehost.store import Client, RedisError, connect_probe

# Long enough for a busy Redis, short enough for Prometheus, which waits ten seconds.
_PATIENCE = 2.0


class _Service(Collector):
    """Everything that is told of the service, asked at each look."""

    def __init__(self, settings: Settings) -> None:
        self._records = connect_probe(settings.redis_url, seconds=_PATIENCE)
        self._stores: dict[str, Client] = {"records": self._records}
        if settings.blob_store_url != settings.redis_url and urlsplit(settings.blob_store_url).scheme != "file":
            self._stores["pictures"] = connect_probe(settings.blob_store_url, seconds=_PATIENCE)

    def collect(self) -> Iterator[Metric]:
        """Also without Redis there is an answer: that Redis is away."""
        yield gauges.build()
        yield from gauges.stores(self._stores)
        try:
            found = [*gauges.standing(self._records), *metrics_store.read(self._records)]
        except RedisError:
            return
        yield from found


def create_metrics(settings: Settings) -> Flask:
    """The application of the port for metrics. Raises SettingError for a store's URL that cannot be used."""
    app = Flask(__name__, static_folder=None)
    registry = CollectorRegistry()
    registry.register(_Service(settings))

    @app.get("/metrics")
    def metrics() -> Response:
        encode, content_type = choose_encoder(request.headers.get("Accept", ""))
        return Response(encode(registry), content_type=content_type)

    return app
