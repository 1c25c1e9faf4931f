"""The blueprint that every page of the dashboard hangs on."""

from __future__ import annotations

from flask import Blueprint

PREFIX = "/dashboard"

blueprint = Blueprint(
    "dashboard",
    __name__,
    url_prefix=PREFIX,
    template_folder="templates",
    static_folder="static",
    static_url_path="/static",
)
