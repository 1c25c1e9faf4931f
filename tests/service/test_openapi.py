"""The document at /openapi.json: valid, whole, and what the service really does."""

from __future__ import annotations

import re
from typing import Any

import pytest
from flask.testing import FlaskClient
from openapi_spec_validator import OpenAPIV31SpecValidator

from platehost.options import _CONFIG_KEYS
from platehost.settings import Settings
from web.app import create_app
from web.errors import _NPR_CODES

# Pages for people and their files are no part of an API.
PAGES = ("document_page", "dashboard.")


@pytest.fixture
def document(client: FlaskClient) -> dict[str, Any]:
    answer = client.get("/openapi.json")
    assert answer.status_code == 200
    assert answer.content_type == "application/json"
    body: dict[str, Any] = answer.get_json()
    return body


def test_it_is_valid(document: dict[str, Any]) -> None:
    assert document["openapi"].startswith("3.1")
    OpenAPIV31SpecValidator(document).validate()


def test_it_has_every_route_and_no_other(document: dict[str, Any], settings: Settings) -> None:
    served: set[tuple[str, str]] = {("/docs", "get")}
    for face in ("cloud", "sdk"):
        for rule in create_app(settings, face=face).url_map.iter_rules():
            if not rule.endpoint.startswith(PAGES):
                path = re.sub(r"<(?:\w+:)?(\w+)>", r"{\1}", rule.rule)
                served |= {(path, method.lower()) for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}}
    methods = {"get", "post", "put", "patch", "delete"}
    listed = {
        (path, method) for path, operations in document["paths"].items() for method in methods & operations.keys()
    }
    assert listed == served


def test_every_operation_tells_what_can_go_wrong(document: dict[str, Any]) -> None:
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            if method == "parameters" or operation["tags"] == ["Probes"]:
                continue
            statuses = operation["responses"].keys()
            assert {"500", "503"} <= statuses, path
            if operation.get("security") != [{}]:
                assert {"401", "403"} & statuses, path
            if "requestBody" in operation:
                assert {"400", "413"} <= statuses, path


def test_it_has_every_error_code_and_every_key_of_the_config(document: dict[str, Any]) -> None:
    schemas = document["components"]["schemas"]
    codes = schemas["NprErrorBody"]["properties"]["error"]["properties"]["code"]["enum"]
    assert set(codes) == {*_NPR_CODES.values(), "INVALID_IMAGE", "INTERNAL_ERROR"}
    assert set(schemas["Config"]["properties"]) == set(_CONFIG_KEYS)


def test_the_page_needs_nothing_from_elsewhere(client: FlaskClient) -> None:
    page = client.get("/docs/")
    assert page.status_code == 200
    assert page.content_type.startswith("text/html")
    assert "/openapi.json" in page.text
    sources = re.findall(r'(?:src|href)="([^"]+)"', page.text)
    assert len(sources) >= 3
    for each in sources:
        assert not each.startswith(("http:", "https:", "//")), each
        assert client.get(each if each.startswith("/") else f"/docs/{each}").status_code == 200, each
    assert client.get("/docs").status_code == 200
