"""The APIs' own document, OpenAPI 3.1: as JSON at /openapi.json, and as a page to read and try at /docs."""

from __future__ import annotations

import json
from functools import cache
from importlib import resources

import yaml
from flask import Blueprint, Response
from flask_swagger_ui import get_swaggerui_blueprint  # type: ignore[import-untyped]

blueprint = Blueprint("document", __name__)

# Its scripts and styles come from the package: the page works without the internet.
page_blueprint: Blueprint = get_swaggerui_blueprint(
    "/docs", "/openapi.json", config={"app_name": "Platehost"}, blueprint_name="document_page"
)


@cache
def _document() -> str:
    return json.dumps(yaml.safe_load(resources.files("web").joinpath("openapi.yaml").read_text(encoding="utf-8")))


@blueprint.get("/openapi.json")
def document() -> Response:
    """The document, the same on every port."""
    response = Response(_document(), mimetype="application/json")
    response.headers["Access-Control-Allow-Origin"] = "*"
    return response
