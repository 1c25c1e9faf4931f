"""Holds answers against the document of the APIs: route, status, headers and every member of the body stand there.

tests/service/conftest.py looks at each answer that any test here gets from a test client, so that nothing can be
answered in these tests that the document does not tell.
"""

from __future__ import annotations

import copy
import re
from functools import cache
from typing import Any

import yaml
from jsonschema import Draft202012Validator
from werkzeug.test import TestResponse

from tests.service.support import ROOT

# Those that are ours; a server adds more.
HEADERS = {
    *("X-Job-Id", "X-RateLimit-Limit", "X-RateLimit-Remaining", "X-RateLimit-Reset"),
    *("Retry-After", "WWW-Authenticate", "Location", "Preference-Applied"),
}


class Undocumented(AssertionError):
    """An answer that the document does not tell of."""


class Document:
    """The document, with every object that lists its members taken to list all of them."""

    def __init__(self, document: dict[str, Any]) -> None:
        self._document = copy.deepcopy(document)
        self._components = self._document["components"]
        self._paths = {_pattern(path): operations for path, operations in self._document["paths"].items()}
        for schema in self._components["schemas"].values():
            _close(schema)

    def check(self, method: str, answer: TestResponse) -> None:
        """Raises Undocumented. An answer to a path or method that is not there is the tests' own affair."""
        path = re.sub("/{2,}", "/", answer.request.path)
        operation = next((each for pattern, each in self._paths.items() if pattern.fullmatch(path)), {})
        told = operation.get(method.lower())
        if told is None:
            # Below /docs/ are the files of the page that shows the document; /metrics has a port of its own.
            if operation or path.startswith("/docs/") or path == "/metrics" or answer.status_code in {404, 405}:
                return
            raise Undocumented(f"{method} {path} is not in the document")
        where = f"{method} {path} {answer.status_code}"
        response = self._at(told["responses"].get(str(answer.status_code)))
        if response is None:
            raise Undocumented(f"{where} is not in the document: {answer.text[:300]}")
        missing = HEADERS & set(answer.headers.keys()) - set(response.get("headers", {}))
        if missing:
            raise Undocumented(f"{where} has headers that are not in the document: {sorted(missing)}")
        media = response.get("content", {}).get(answer.mimetype)
        if media is None:
            raise Undocumented(f"{where} is {answer.mimetype}, which is not in the document")
        if answer.mimetype == "application/json":
            schema = _close(copy.deepcopy(media["schema"]))
            for error in Draft202012Validator({"components": self._components, **schema}).iter_errors(
                answer.get_json()
            ):
                raise Undocumented(f"{where}: {error.json_path}: {error.message[:500]}")

    def _at(self, found: dict[str, Any] | None) -> dict[str, Any] | None:
        if found and "$ref" in found:
            kind, name = found["$ref"].split("/")[-2:]
            return self._components[kind][name]  # type: ignore[no-any-return]
        return found


@cache
def document() -> Document:
    return Document(source())


def source() -> dict[str, Any]:
    loaded: dict[str, Any] = yaml.safe_load((ROOT / "web" / "openapi.yaml").read_text())
    return loaded


def _pattern(path: str) -> re.Pattern[str]:
    # A last slash may be left out or added; an id never has one.
    return re.compile(re.sub(r"\\\{\w+\\\}", "[^/]+", re.escape(path.rstrip("/"))) + "/?")


def _close(schema: Any) -> Any:
    """Whoever names members of an object names all of them."""
    if isinstance(schema, dict):
        if isinstance(schema.get("properties"), dict):
            schema.setdefault("additionalProperties", False)
        for each in schema.values():
            _close(each)
    elif isinstance(schema, list):
        for each in schema:
            _close(each)
    return schema
