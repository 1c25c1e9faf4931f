"""The dashboard and the alerts: each asks for metrics that there are, by labels that they have."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest
import redis
import yaml
from prometheus_client.parser import text_string_to_metric_families

from platehost import metrics
from platehost.metrics_store import Reporter
from platehost.settings import Settings
from tests.service.support import ROOT
from web.metrics import create_metrics

NAME = re.compile(r"\bplatehost_[a-z_]+\b")
# `by (a, b)` and `{a="b"}`
BY = re.compile(r"\bby \(([^)]*)\)")
WHERE = re.compile(r"(platehost_[a-z_]+)\{(\w+)=~?")


def dashboard() -> dict[str, Any]:
    found: dict[str, Any] = json.loads((ROOT / "grafana" / "platehost.json").read_text())
    return found


def rules() -> list[dict[str, Any]]:
    (group,) = yaml.safe_load((ROOT / "grafana" / "alerts.yml").read_text())["groups"]
    found: list[dict[str, Any]] = group["rules"]
    return found


def expressions() -> Iterator[str]:
    for panel in dashboard()["panels"]:
        yield from (each["expr"] for each in panel.get("targets", []))
    yield from (each["expr"] for each in rules())


@pytest.fixture
def labels(settings: Settings, store: redis.Redis) -> dict[str, set[str]]:
    """Every sample of /metrics with its labels, after everything was counted once."""
    metrics.count_request("/", "GET", 200, 0.1)
    metrics.ERRORS.labels("NOT_FOUND").inc()
    metrics.count_batch(1, 0.1)
    metrics.count_picture({"detect": 1.0}, 1)
    metrics.count_failure("corrupt_image")
    metrics.count_attempt("delivered", 0.1, 1)
    metrics.count_lookup("dvla", "known")
    Reporter(store).report()
    text = create_metrics(settings).test_client().get("/metrics").text
    return {
        sample.name: set(sample.labels) for family in text_string_to_metric_families(text) for sample in family.samples
    }


def test_each_asks_for_what_there_is(labels: dict[str, set[str]]) -> None:
    asked = list(expressions())
    assert len(asked) > 30
    for expression in asked:
        names = NAME.findall(expression)
        assert names, expression
        assert set(names) <= labels.keys(), expression
        for by in BY.findall(expression):
            assert {each.strip() for each in by.split(",")} <= labels[names[0]], expression
        for name, label in WHERE.findall(expression):
            assert label in labels[name], expression


def test_everything_that_is_counted_is_shown(labels: dict[str, set[str]]) -> None:
    shown = {name for expression in expressions() for name in NAME.findall(expression)}
    families = {re.sub("_(bucket|sum|count)$", "", name) for name in shown}
    assert {re.sub("_(bucket|sum|count)$", "", name) for name in labels} == families


def test_panels_do_not_lie_on_each_other() -> None:
    taken: set[tuple[int, int]] = set()
    for panel in dashboard()["panels"]:
        place = panel["gridPos"]
        assert place["x"] + place["w"] <= 24
        cells = {(place["x"] + x, place["y"] + y) for x in range(place["w"]) for y in range(place["h"])}
        assert not cells & taken, panel["title"]
        taken |= cells
    assert len({panel["id"] for panel in dashboard()["panels"]}) == len(dashboard()["panels"])


def test_the_page_for_the_night_knows_every_alert() -> None:
    page = (ROOT / "docs" / "troubleshoot.md").read_text()
    for rule in rules():
        assert f"`{rule['alert']}`" in page, rule["alert"]
        assert rule["annotations"]["summary"].endswith("."), rule["alert"]
