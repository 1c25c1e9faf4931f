"""`/api/v1/webhooks`: an account's targets, what was tried, and sending again."""

from __future__ import annotations

import ipaddress
import math
import re
from collections.abc import Mapping
from dataclasses import asdict, replace
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit

from flask import Blueprint, Response, jsonify, request
from werkzeug.exceptions import BadRequest

from platehost.address_guard import ALLOW_VARIABLE
from platehost.deliveries import Attempt, Deliveries
from platehost.targets import BY_ACCOUNT, Target, TargetError, Targets, new_secret, normal_secret
from web.auth import current_key
from web.errors import ApiError
from web.service import service

MOST_TARGETS = 50
MOST_ATTEMPTS = 1000

blueprint = Blueprint("webhooks", __name__, url_prefix="/api/v1/webhooks")

_COUNT = re.compile(r"[0-9]{1,9}")
_DELIVERY = re.compile(r"[A-Za-z0-9_]{1,128}")
_FIELDS = {"url", "event", "format", "image", "headers", "secret", "mail", "max_rate", "max_in_flight"}


@blueprint.get("")
def index() -> Response:
    """The account's targets."""
    return jsonify({"success": True, "webhooks": [_described(each) for each in _targets().list(current_key().account)]})


@blueprint.post("")
def add() -> Response:
    """Makes a target: 201. Its secret is told here only; `"secret": true` has one made."""
    fields = _fields(_FIELDS)
    account = current_key().account
    if len(_targets().list(account)) >= MOST_TARGETS:
        raise ApiError(400, f"An account has at most {MOST_TARGETS} targets. Remove one first.")
    url = fields.pop("url", None)
    if not isinstance(url, str):
        raise ApiError(400, "url is missing: the http or https address to send to.", field="url")
    _refuse_address(url)
    try:
        target = _targets().add(account, url, **_typed(fields))
    except TargetError as error:
        raise _bad(error) from None
    response = jsonify({"success": True, "webhook": _described(target) | _secret(target, fields)})
    response.status_code = 201
    response.headers["Location"] = f"{request.host_url.rstrip('/')}/api/v1/webhooks/{target.id}"
    return response


@blueprint.get("/<int:target_id>")
def show(target_id: int) -> Response:
    """One target and how it stands."""
    return jsonify({"success": True, "webhook": _described(_own(target_id))})


@blueprint.patch("/<int:target_id>")
def change(target_id: int) -> Response:
    """Changes what the body names; `on` switches. A new secret signs beside the old one for a time."""
    target = _own(target_id)
    fields = _fields(_FIELDS | {"on"})
    on = fields.pop("on", None)
    if on is not None and not isinstance(on, bool):
        raise ApiError(400, "on must be true or false.", field="on")
    if isinstance(fields.get("url"), str):
        _refuse_address(fields["url"])
    secret = "secret" in fields
    typed = _typed(fields)
    fresh = typed.pop("secret", "")
    if secret and not fresh.strip():
        # One made here would be told to nobody.
        raise ApiError(400, "secret is empty. Send a text, or true to have one made.", field="secret")

    def turn(known: Target) -> Target:
        reason = known.off_reason if on is None else "" if on else BY_ACCOUNT
        switched = known.on if on is None else on
        return replace(known, **typed, on=switched, off_reason=reason)

    try:
        # Before anything is changed: a request that is refused changes nothing.
        fresh = normal_secret(fresh)
        changed = _targets().change(target.id, turn)
        if secret:
            changed = _targets().rotate(target.id, service().settings.webhook_secret_overlap, fresh)
    except TargetError as error:
        raise _bad(error) from None
    if changed is None:
        raise _unknown(target_id)
    if on:
        _deliveries().wake(target.id)
    return jsonify({"success": True, "webhook": _described(changed) | (_secret(changed, fields) if secret else {})})


@blueprint.delete("/<int:target_id>")
def remove(target_id: int) -> Response:
    """Forgets a target with its deliveries."""
    target = _own(target_id)
    _targets().remove(target.id)
    _deliveries().forget(target.id)
    return jsonify({"success": True})


@blueprint.post("/<int:target_id>/test")
def test(target_id: int) -> Response:
    """Sends a test: 202 with the delivery's id, by which its attempt is found."""
    delivery = _deliveries().ping(_own(target_id))
    response = jsonify({"success": True, "delivery": delivery})
    response.status_code = 202
    return response


@blueprint.get("/<int:target_id>/attempts")
def attempts(target_id: int) -> Response:
    """The latest attempts, newest first; `limit` (100) of them, `delivery` picks one delivery's."""
    target = _own(target_id)
    limit = request.args.get("limit", "100")
    if not _COUNT.fullmatch(limit) or not 1 <= int(limit) <= MOST_ATTEMPTS:
        raise ApiError(400, f"limit must be a whole number from 1 to {MOST_ATTEMPTS}.", field="limit")
    found = _deliveries().attempts(target.id, int(limit))
    wanted = request.args.get("delivery")
    return jsonify({"success": True, "attempts": [_attempt(each) for each in found if wanted in (None, each.delivery)]})


@blueprint.post("/<int:target_id>/replay")
def replay(target_id: int) -> Response:
    """Sends again: one `delivery`, or all kept ones of recognitions `since` a time. 202 with how many."""
    target = _own(target_id)
    fields = _fields({"delivery", "since"})
    if len(fields) != 1:
        raise ApiError(400, "Name one of delivery (an id) and since (a time such as 2026-05-01T00:00:00Z).")
    if "delivery" in fields:
        wanted = fields["delivery"]
        known = _deliveries().get(wanted) if isinstance(wanted, str) and _DELIVERY.fullmatch(wanted) else None
        if known is None or known.target != target.id:
            raise ApiError(404, "There is no such delivery; they are kept for a week at most.")
        count = int(_deliveries().replay(known.id))
    else:
        count = _deliveries().replay_since(target.id, _moment(fields["since"]))
    response = jsonify({"success": True, "replayed": count})
    response.status_code = 202
    return response


def _targets() -> Targets:
    return Targets(service().store)


def _deliveries() -> Deliveries:
    return Deliveries(service().store, service().settings)


def _own(target_id: int) -> Target:
    """The account's target. Another account's looks like none."""
    target = _targets().get(target_id)
    if target is None or target.account != current_key().account:
        raise _unknown(target_id)
    return target


def _unknown(target_id: int) -> ApiError:
    return ApiError(404, f"There is no webhook {target_id}.")


def _fields(allowed: set[str]) -> dict[str, Any]:
    """The members of the body, a JSON object or a form."""
    if request.is_json:
        try:
            body = request.get_json()
        except (BadRequest, RecursionError):
            raise ApiError(400, "The body is not valid JSON.") from None
    else:
        body = request.form.to_dict()
    if not isinstance(body, dict):
        raise ApiError(400, "The body must be a JSON object.")
    for name in body:
        if name not in allowed:
            raise ApiError(400, f"{name[:100]} is not known here; known are {', '.join(sorted(allowed))}.", field=name)
    return body


def _typed(fields: Mapping[str, Any]) -> dict[str, Any]:
    typed: dict[str, Any] = {}
    for name, given in fields.items():
        if name == "headers":
            if not isinstance(given, dict) or not all(isinstance(text, str) for text in given.values()):
                raise ApiError(400, "headers must be an object of texts.", field=name)
            typed[name] = given
        elif name == "secret" and given is True:
            typed[name] = new_secret()
        elif name in {"max_rate", "max_in_flight"}:
            typed[name] = _limit(name, given)
        elif isinstance(given, str):
            typed[name] = given
        else:
            raise ApiError(400, f"{name} must be a text.", field=name)
    return typed


def _limit(name: str, given: Any) -> float | int:
    """A target's own limit; null, like 0, is none."""
    try:
        number = float(0 if given is None else given)
        whole = math.isfinite(number) and number == int(number)
    except (TypeError, ValueError, OverflowError):
        number, whole = math.nan, False
    if isinstance(given, bool) or not math.isfinite(number) or (name == "max_in_flight" and not whole):
        kind = "whole number" if name == "max_in_flight" else "number"
        raise ApiError(400, f"{name} must be a {kind}, or 0 for the service's own limit.", field=name)
    return int(number) if name == "max_in_flight" else number


def _refuse_address(url: str) -> None:
    """A plain address that the guard refuses is told at once; a name is only looked up when something is sent."""
    try:
        host = urlsplit(url).hostname or ""
        ipaddress.ip_address(host)
    except ValueError:
        return
    reason = service().guard.refusal(host)
    if reason:
        message = f"{host} is {reason} and is not called. An operator can allow it with {ALLOW_VARIABLE}."
        raise ApiError(400, message, field="url")


def _bad(error: TargetError) -> ApiError:
    return ApiError(400, str(error), field=error.field)


def _described(target: Target) -> dict[str, Any]:
    standing = _deliveries().standing(target.id)
    times = {name: _time(standing.pop(name)) for name in ("failing_since", "last_success")}
    return target.described() | standing | times


def _secret(target: Target, fields: Mapping[str, Any]) -> dict[str, str]:
    return {"secret": target.secret} if fields.get("secret") else {}


def _attempt(attempt: Attempt) -> dict[str, Any]:
    return asdict(attempt) | {"time": _time(attempt.time)}


def _time(moment: float) -> str | None:
    return datetime.fromtimestamp(moment, UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ") if moment else None


def _moment(text: Any) -> float:
    try:
        moment = datetime.fromisoformat(str(text))
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
    except (ValueError, OverflowError):
        raise ApiError(400, "since must be a time such as 2026-05-01T00:00:00Z.", field="since") from None
