"""What installers of the vendor's programs ask before they begin: is this token good, is this licence known."""

from __future__ import annotations

from flask import Blueprint, Response, jsonify

blueprint = Blueprint("licences", __name__)


@blueprint.get("/v1/sdk-webhooks/<licence>/")
@blueprint.get("/v1/stream/license/<licence>/")
def licence(licence: str) -> Response:
    """200 for every licence, because none is needed here; a wrong token never comes this far."""
    return jsonify({"license_key": licence})
