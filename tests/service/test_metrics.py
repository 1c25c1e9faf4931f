"""/metrics of the running service: what every process counted, in Prometheus's words, and never at a request's cost."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
import redis
import requests
from prometheus_client import CollectorRegistry, Counter, Histogram
from prometheus_client.parser import text_string_to_metric_families

from platehost import metrics, metrics_store
from platehost.accounts import Accounts
from platehost.deliveries import Deliveries
from platehost.metrics_store import Reporter
from platehost.settings import Settings
from platehost.store import RedisError
from platehost.targets import Targets
from tests.service.support import Processes, RedisServer, free_port, wait_until
from tests.webhooks.receiver import Receiver, Reply
from web.app import create_app
from web.metrics import create_metrics

Samples = dict[tuple[str, frozenset[tuple[str, str]]], float]


def parsed(text: str) -> Samples:
    return {
        (sample.name, frozenset(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def scrape(own: Processes) -> Samples:
    answer = requests.get(f"http://127.0.0.1:{own.settings['PLATEHOST_METRICS_PORT']}/metrics", timeout=10)
    assert answer.status_code == 200
    assert answer.headers["Content-Type"].startswith("text/plain")
    return parsed(answer.text)


def value(samples: Samples, name: str, **labels: str) -> float:
    return samples.get((name, frozenset(labels.items())), 0.0)


def test_web_worker_and_webhooks_are_told_of_at_one_port(own: Processes, photo: bytes) -> None:
    receiver = Receiver(lambda received: Reply(500))
    own.settings |= {
        "PLATEHOST_WEBHOOK_ALLOW": "127.0.0.1/32",
        "PLATEHOST_METRICS_PORT": str(free_port()),
        "PLATEHOST_WEBHOOK_RETRIES": "0.5",
    }
    own.start_all()
    token = {"Authorization": f"Token {Accounts(own.server.client()).create_key('metrics')}"}
    requests.post(f"{own.url}/api/v1/webhooks", json={"url": receiver.url}, headers=token, timeout=10)
    url = f"{own.url}/v1/plate-reader/"
    for number in range(3):
        requests.post(url, headers=token, files={"upload": (f"{number}.jpg", photo)}, timeout=40)
    assert requests.post(url, headers=token, files={"upload": b"no picture"}, timeout=10).status_code == 400
    assert requests.post(url, headers=token, files={"upload": photo[:5000]}, timeout=40).status_code == 400
    requests.request("BREW", f"{own.url}/made/up/by/a/client", timeout=10)
    wait_until(lambda: len(receiver.received) == 6, 30, "two attempts at each of three deliveries")

    def all_counted() -> bool:
        found = scrape(own)
        return (
            value(found, "platehost_recognitions_total", outcome="reading") == 3
            and value(found, "platehost_recognitions_total", outcome="failure") == 1
            and value(found, "platehost_attempts_total", outcome="pending") == 3
            and value(found, "platehost_deliveries_total", outcome="failed") == 3
            and value(found, "platehost_errors_total", code="INVALID_IMAGE") == 2
        )

    wait_until(all_counted, 20, "every process has reported")
    found = scrape(own)
    post = {"route": "/v1/plate-reader/", "method": "POST"}
    assert value(found, "platehost_requests_total", **post, status="201") == 3
    assert value(found, "platehost_requests_total", **post, status="400") == 2
    assert value(found, "platehost_requests_total", route="none", method="other", status="404") == 1
    assert value(found, "platehost_request_seconds_count", route="/v1/plate-reader/") == 5
    assert value(found, "platehost_request_seconds_bucket", route="/v1/plate-reader/", le="+Inf") == 5
    for stage in ("decode", "letterbox", "detect", "rectify", "read"):
        assert value(found, "platehost_stage_seconds_count", stage=stage) == 3, stage
        assert value(found, "platehost_stage_seconds_sum", stage=stage) > 0, stage
    for stage in ("queue", "total"):
        assert value(found, "platehost_stage_seconds_count", stage=stage) == 4, stage
    assert value(found, "platehost_plates_total") == 3
    assert value(found, "platehost_failures_total", code="truncated_image") == 1
    assert value(found, "platehost_batch_pictures_sum") == 4
    assert value(found, "platehost_inference_seconds_count") == value(found, "platehost_batch_pictures_count") > 0
    assert value(found, "platehost_attempt_seconds_count") == 6
    assert value(found, "platehost_workers") == value(found, "platehost_targets") == 1
    assert value(found, "platehost_store_up", store="records") == 1
    assert value(found, "platehost_store_memory_bytes", store="records") > 0
    assert not [name for name, labels in found for _, text in labels if "made/up" in text]
    receiver.close()


def test_queue_and_deliveries_that_wait(own: Processes, photo: bytes) -> None:
    """Without worker and webhooks, everything waits."""
    own.settings |= {"PLATEHOST_METRICS_PORT": str(free_port()), "PLATEHOST_SYNC_WINDOW": "0"}
    own.start("web")
    wait_until(lambda: answers(own.url), 30, "web answers")
    token = {"Authorization": f"Token {Accounts(own.server.client()).create_key('metrics')}"}
    for _ in range(2):
        requests.post(f"{own.url}/v1/plate-reader/", headers=token, files={"upload": photo}, timeout=40)
    store = own.server.client()
    Deliveries(store, Settings()).ping(Targets(store).add("main", "https://example.com/"))
    time.sleep(0.1)
    found = scrape(own)
    assert value(found, "platehost_queue_jobs") == 2
    assert 0.1 <= value(found, "platehost_queue_oldest_seconds") < 60
    assert value(found, "platehost_workers") == value(found, "platehost_started_jobs") == 0
    assert value(found, "platehost_deliveries_waiting") == 1


def answers(url: str) -> bool:
    try:
        requests.get(url, timeout=2)
    except requests.RequestException:
        return False
    return True


def test_the_main_port_has_no_metrics_and_the_other_has_nothing_else(running: Processes, settings: Settings) -> None:
    assert Settings().metrics_port == 0, "by default there are none"
    assert Settings().metrics_host == "127.0.0.1"
    for url in (running.url, running.sdk_url, running.probe_url):
        assert requests.get(f"{url}/metrics", timeout=5).status_code == 404
    port = create_metrics(settings).test_client()
    assert port.get("/metrics").status_code == 200
    assert {port.get(path).status_code for path in ("/v1", "/dashboard", "/readyz/all")} == {404}


def test_without_redis_it_says_so_and_requests_are_answered() -> None:
    away = Settings(redis_url=f"redis://127.0.0.1:{free_port()}/0", sync_window=0.1)
    found = parsed(create_metrics(away).test_client().get("/metrics").text)
    assert value(found, "platehost_store_up", store="records") == 0
    assert ("platehost_store_up", frozenset({("store", "records")})) in found
    assert ("platehost_queue_jobs", frozenset()) not in found
    # Counting needs no Redis: the answer is the document, as ever.
    assert create_app(away).test_client().get("/openapi.json").status_code == 200


def test_a_store_of_pictures_has_its_own_numbers(settings: Settings, redis_server: RedisServer) -> None:
    apart = Settings(redis_url=settings.redis_url, blob_url=f"redis://127.0.0.1:{redis_server.port}/7")
    found = parsed(create_metrics(apart).test_client().get("/metrics").text)
    assert value(found, "platehost_store_up", store="pictures") == 1


def test_every_family_has_its_help_and_type(settings: Settings) -> None:
    text = create_metrics(settings).test_client().get("/metrics").text
    for family in metrics.REGISTRY.collect():
        name = family.name + ("_total" if family.type == "counter" else "")
        assert f"# TYPE {name} {family.type}" in text
        assert family.documentation.endswith("."), family.name


@pytest.fixture
def counted() -> tuple[CollectorRegistry, Counter, Histogram]:
    registry = CollectorRegistry()
    counter = Counter("platehost_test", "A count.", ["kind"], registry=registry)
    return registry, counter, Histogram("platehost_test_seconds", "A time.", buckets=(0.1, 1), registry=registry)


def sums(store: redis.Redis, registry: CollectorRegistry) -> Samples:
    return {
        (sample.name, frozenset(sample.labels.items())): sample.value
        for family in metrics_store.read(store, registry)
        for sample in family.samples
    }


def test_processes_add_up(store: redis.Redis, counted: tuple[CollectorRegistry, Counter, Histogram]) -> None:
    registry, counter, histogram = counted
    first, second = Reporter(store, registry), Reporter(store, registry)
    counter.labels("a").inc()
    histogram.observe(0.5)
    for each in (first, second, first):
        each.report()
    counter.labels("a").inc(2)
    first.report()
    found = sums(store, registry)
    assert value(found, "platehost_test_total", kind="a") == 4
    assert value(found, "platehost_test_seconds_bucket", le="0.1") == 0
    assert value(found, "platehost_test_seconds_bucket", le="1.0") == 2
    assert value(found, "platehost_test_seconds_sum") == 1.0
    assert ("platehost_test_seconds_bucket", frozenset({("le", "0.1")})) in found, "what is nought is told, too"


def test_buckets_come_in_order(store: redis.Redis, counted: tuple[CollectorRegistry, Counter, Histogram]) -> None:
    registry, _, histogram = counted
    histogram.observe(5)
    Reporter(store, registry).report()
    (family,) = [each for each in metrics_store.read(store, registry) if each.type == "histogram"]
    limits = [sample.labels["le"] for sample in family.samples if sample.name.endswith("_bucket")]
    assert limits == ["0.1", "1.0", "+Inf"]


def test_a_report_whose_answer_was_lost_counts_once(
    store: redis.Redis, counted: tuple[CollectorRegistry, Counter, Histogram]
) -> None:
    registry, counter, _ = counted
    reporter = Reporter(store, registry)
    add = reporter._add

    def lost(**call: object) -> None:
        add(**call)
        raise redis.ConnectionError("the answer is lost")

    counter.labels("a").inc()
    reporter._add = lost
    with pytest.raises(RedisError):
        reporter.report()
    counter.labels("a").inc()
    reporter._add = add
    reporter.report()
    reporter.report()
    assert value(sums(store, registry), "platehost_test_total", kind="a") == 2


def test_what_is_counted_while_redis_is_away_is_told_later(
    tmp_path: Path, counted: tuple[CollectorRegistry, Counter, Histogram]
) -> None:
    registry, counter, _ = counted
    server = RedisServer(tmp_path)
    server.start()
    reporter = Reporter(redis.Redis(port=server.port), registry)
    counter.labels("a").inc()
    reporter.report()
    server.stop()
    for _ in range(3):
        counter.labels("a").inc()
        reporter.last()  # and raises nothing
    server.start()
    reporter.report()
    reporter.report()
    assert value(sums(server.client(), registry), "platehost_test_total", kind="a") == 4
    server.stop()


def test_what_a_process_counted_outlives_it(own: Processes) -> None:
    own.settings["PLATEHOST_METRICS_PORT"] = str(free_port())
    own.start("web")
    wait_until(lambda: answers(own.url), 30, "web answers")
    for _ in range(7):
        requests.get(f"{own.url}/openapi.json", timeout=10)
    assert own.stop("web") == 0
    served = {"route": "/openapi.json", "method": "GET", "status": "200"}
    assert value(sums(own.server.client(), metrics.REGISTRY), "platehost_requests_total", **served) == 7
