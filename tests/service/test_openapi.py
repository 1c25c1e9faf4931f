"""The document at /openapi.json: valid, whole, and what the service really does."""

from __future__ import annotations

import io
import re
from collections.abc import Callable
from dataclasses import replace
from typing import Any, ClassVar

import pytest
from flask.testing import FlaskClient
from openapi_spec_validator import OpenAPIV31SpecValidator
from werkzeug.datastructures import ImmutableMultiDict

from platehost.options import _CONFIG_KEYS
from platehost.settings import Settings
from tests.service.documented import Document, Undocumented, source
from web import webhooks
from web.app import create_app
from web.errors import _NPR_CODES
from web.uploads import FormRequest

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


class Noticed(ImmutableMultiDict[str, Any]):
    """A form, its files or a query string that notices which fields it is asked for."""

    asked: ClassVar[set[str]] = set()

    def get(self, key: Any, *arguments: Any, **options: Any) -> Any:
        self.asked.add(key)
        return super().get(key, *arguments, **options)

    def getlist(self, key: Any, *arguments: Any, **options: Any) -> Any:
        self.asked.add(key)
        return super().getlist(key, *arguments, **options)


class NoticingRequest(FormRequest):
    parameter_storage_class = Noticed


@pytest.mark.parametrize(
    ("face", "path"),
    [
        ("cloud", "/v1/plate-reader/"),
        ("sdk", "/v1/plate-reader/"),
        ("sdk", "/alpr"),
        ("cloud", "/api/v1/recognise"),
        ("cloud", "/api/v1/batch"),
        ("cloud", "/v1/vision/alpr"),
    ],
)
def test_it_has_every_field_of_a_picture_and_no_other(
    document: dict[str, Any], settings: Settings, token: dict[str, str], face: str, path: str
) -> None:
    app = create_app(replace(settings, face=face, sync_window=0))
    app.request_class = NoticingRequest
    Noticed.asked.clear()
    # Without a picture every place where one could be is looked at; with one, the other fields are.
    app.test_client().post(path, headers=token, data={"none": "x"})
    for name in ("upload", "images[]"):
        app.test_client().post(path, headers=token, data={name: (io.BytesIO(b"\xff\xd8\xff"), "a.jpg")})
    content = document["paths"][path]["post"]["requestBody"]["content"]
    listed = fields_of(document, content["multipart/form-data"]["schema"])
    # This API fetches no pictures, and says so to whoever asks for it.
    refused = {"upload_url"} if path in {"/api/v1/recognise", "/v1/vision/alpr"} else set()
    assert listed == Noticed.asked - refused
    for kind, media in content.items():
        assert fields_of(document, media["schema"]) == listed, kind


def test_it_has_every_field_of_a_webhook_and_no_other(
    document: dict[str, Any], client: FlaskClient, token: dict[str, str]
) -> None:
    schemas = document["components"]["schemas"]
    assert set(schemas["Target"]["properties"]) == webhooks._FIELDS | {"on"}
    target = client.post("/api/v1/webhooks", headers=token, json={"url": "https://example.com/", "secret": True})
    assert set(target.get_json()["webhook"]) == set(schemas["TargetShown"]["properties"])
    replay = document["paths"]["/api/v1/webhooks/{target_id}/replay"]["post"]["requestBody"]["content"]
    (media,) = replay.values()
    assert {name for each in media["schema"]["oneOf"] for name in each["properties"]} == {"delivery", "since"}
    client.application.request_class = NoticingRequest
    Noticed.asked.clear()
    place = f"/api/v1/webhooks/{target.get_json()['webhook']['id']}/attempts"
    assert client.get(place, headers=token).status_code == 200
    asked = document["paths"]["/api/v1/webhooks/{target_id}/attempts"]["get"]["parameters"]
    assert {each["name"] for each in asked if each.get("in") == "query"} == Noticed.asked


def fields_of(document: dict[str, Any], schema: dict[str, Any]) -> set[str]:
    if "$ref" in schema:
        schema = document["components"]["schemas"][schema["$ref"].rpartition("/")[2]]
    return set(schema["properties"])


def without(*place: str) -> Callable[[dict[str, Any]], None]:
    """What takes the member at the end of `place` out of a document."""

    def cut(document: dict[str, Any]) -> None:
        inside: Any = document
        for name in place[:-1]:
            inside = inside[name]
        inside.remove(place[-1]) if isinstance(inside, list) else inside.pop(place[-1])

    return cut


HOLES = {
    "a status": without("paths", "/api/v1/recognise", "post", "responses", "400"),
    "a route": without("paths", "/api/v1/recognise"),
    "a code": without(
        *("components", "schemas", "NprErrorBody", "properties", "error", "properties", "code", "enum", "INVALID_IMAGE")
    ),
    "a member": without("components", "schemas", "NprErrorBody", "properties", "error", "properties", "message"),
    "a header": without("components", "responses", "NprError", "headers", "X-RateLimit-Reset"),
    "a media type": without("components", "responses", "NprError", "content", "application/json"),
}


def test_an_answer_that_it_tells_is_let_pass(client: FlaskClient, token: dict[str, str]) -> None:
    answer = client.post("/api/v1/recognise", headers=token)
    Document(source()).check("POST", answer)


@pytest.mark.parametrize("hole", list(HOLES))
def test_a_hole_in_it_is_noticed(client: FlaskClient, token: dict[str, str], hole: str) -> None:
    """Every test of the service looks at its answers like this: see tests/service/documented.py."""
    answer = client.post("/api/v1/recognise", headers=token)
    holed = source()
    HOLES[hole](holed)
    with pytest.raises(Undocumented):
        Document(holed).check("POST", answer)


def test_the_tests_of_the_service_look_at_their_answers(
    client: FlaskClient, token: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    holed = source()
    HOLES["a status"](holed)
    monkeypatch.setattr("tests.service.conftest.document", lambda: Document(holed))
    with pytest.raises(Undocumented, match="POST /api/v1/recognise 400"):
        client.post("/api/v1/recognise", headers=token)


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
