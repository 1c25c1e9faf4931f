"""Requests made from the document, odd ones too: each answer is one that the document tells of."""

from __future__ import annotations

import dataclasses
from typing import Any

import hypothesis
import pytest
import schemathesis
import yaml
from hypothesis import strategies as st
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from platehost.settings import Settings
from tests.service.support import ROOT
from web.app import create_app

DOCUMENT = yaml.safe_load((ROOT / "web" / "openapi.yaml").read_text())
CHECKS = [not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance]
METHODS = {"get", "post", "patch", "delete"}

few = hypothesis.settings(
    max_examples=25,
    deadline=None,
    derandomize=True,
    suppress_health_check=list(hypothesis.HealthCheck),
    phases=[hypothesis.Phase.explicit, hypothesis.Phase.generate],
)


def operations(face: str) -> list[tuple[str, str]]:
    """Path and method of what the face serves; probes take no requests worth making up."""
    found = []
    for path, listed in DOCUMENT["paths"].items():
        for method in METHODS & listed.keys():
            tags = listed[method]["tags"]
            if "Probes" not in tags and ("SDK" in tags) == (face == "sdk"):
                found.append((path, method))
    return sorted(found)


def schema(settings: Settings, face: str) -> Any:
    """The document as an app of this face serves it; nobody reads its pictures, so that each is answered by 202."""
    chosen = dataclasses.replace(settings, sync_window=0, queue_limit=1_000_000, fetch_timeout=0.1)
    return schemathesis.openapi.from_wsgi("/openapi.json", create_app(chosen, face=face))


def run(operation: Any, headers: dict[str, str]) -> set[int]:
    """The statuses of the answers to made-up requests. Raises what schemathesis finds wrong."""
    statuses: set[int] = set()

    @few
    @hypothesis.given(st.data())
    def answer(data: st.DataObject) -> None:
        mode = data.draw(st.sampled_from(list(schemathesis.GenerationMode)))
        case = data.draw(operation.as_strategy(generation_mode=mode))
        statuses.add(case.call_and_validate(headers=headers, checks=CHECKS).status_code)

    answer()
    return statuses


@pytest.mark.parametrize(("path", "method"), operations("cloud"))
def test_the_cloud_answers_as_it_says(settings: Settings, key: str, path: str, method: str) -> None:
    statuses = run(schema(settings, "cloud")[path][method], {"Authorization": f"Bearer {key}"})
    assert statuses - {401, 403}


@pytest.mark.parametrize(("path", "method"), operations("sdk"))
def test_the_sdk_answers_as_it_says(settings: Settings, path: str, method: str) -> None:
    assert run(schema(settings, "sdk")[path][method], {})
