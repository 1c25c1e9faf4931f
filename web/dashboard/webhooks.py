"""Webhooks of the account: targets, what was tried, and sending again."""

from __future__ import annotations

import ipaddress
import re
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit

from flask import abort, flash, redirect, render_template, request, url_for
from werkzeug import Response

from platehost.address_guard import ALLOW_VARIABLE
from platehost.deliveries import Deliveries
from platehost.targets import FORMATS, IMAGES, PAUSED, Target, TargetError, Targets, new_secret
from web.dashboard.blueprint import blueprint
from web.dashboard.people import current_user, note, owners_only
from web.service import service
from web.webhooks import MOST_TARGETS

ATTEMPTS = 50
_DELIVERY = re.compile(r"[A-Za-z0-9_]{1,128}")
Page = str | Response | tuple[str, int]


@blueprint.get("/webhooks")
def webhooks() -> str:
    """All targets of the account and how each stands."""
    return _list()


@blueprint.post("/webhooks")
@owners_only
def webhooks_add() -> Page:
    """Makes a target. A secret made for it is shown in this answer alone."""
    account = current_user().account
    fields = _typed()
    try:
        if len(_targets().list(account)) >= MOST_TARGETS:
            raise TargetError("url", f"An account has at most {MOST_TARGETS} targets. Remove one first.")
        _refuse_address(fields["url"])
        secret = new_secret() if request.form.get("signed") else ""
        target = _targets().add(account, fields.pop("url"), secret=secret, **fields)
    except TargetError as error:
        return _list(problem=str(error)), 400
    note("webhook added", f"{target.id} {_host(target)}")
    return _one(target, secret=secret), 201


@blueprint.get("/webhooks/<int:target_id>")
def webhooks_show(target_id: int) -> str:
    """One target with its latest attempts."""
    return _one(_own(target_id))


@blueprint.post("/webhooks/<int:target_id>")
@owners_only
def webhooks_change(target_id: int) -> Page:
    """Changes a target. Empty headers stay as they are: what they hold is never shown."""
    target = _own(target_id)
    fields = _typed()
    if not fields["headers"] and not request.form.get("drop_headers"):
        fields.pop("headers")
    try:
        _refuse_address(fields["url"])
        changed = _targets().change(target.id, lambda known: replace(known, **fields))
    except TargetError as error:
        return _one(target, problem=str(error)), 400
    note("webhook changed", f"{target_id} {_host(changed or target)}")
    flash("The target is changed.")
    return redirect(url_for("dashboard.webhooks_show", target_id=target_id))


@blueprint.post("/webhooks/<int:target_id>/secret")
@owners_only
def webhooks_secret(target_id: int) -> Page:
    """Makes a new secret, which signs beside the old one for a time. It is shown in this answer alone."""
    secret = new_secret()
    changed = _targets().rotate(_own(target_id).id, service().settings.webhook_secret_overlap, secret)
    if changed is None:
        abort(404)
    note("webhook secret renewed", str(target_id))
    return _one(changed, secret=secret), 201


@blueprint.post("/webhooks/<int:target_id>/switch")
@owners_only
def webhooks_switch(target_id: int) -> Response:
    """Pauses a target or goes on."""
    target = _own(target_id)
    on = request.form.get("on") == "1"
    reason = "" if on else PAUSED
    _targets().change(target.id, lambda known: replace(known, on=on, off_reason=reason))
    if on:
        _deliveries().wake(target.id)
    note("webhook resumed" if on else "webhook paused", str(target_id))
    flash("Deliveries go on." if on else "Deliveries wait until you resume.")
    return redirect(url_for("dashboard.webhooks_show", target_id=target_id))


@blueprint.post("/webhooks/<int:target_id>/remove")
@owners_only
def webhooks_remove(target_id: int) -> Response:
    """Forgets a target with its deliveries."""
    target = _own(target_id)
    _targets().remove(target.id)
    _deliveries().forget(target.id)
    note("webhook removed", f"{target_id} {_host(target)}")
    flash("The target is removed.")
    return redirect(url_for("dashboard.webhooks"))


@blueprint.post("/webhooks/<int:target_id>/test")
@owners_only
def webhooks_test(target_id: int) -> Response:
    """Sends a test delivery."""
    _deliveries().ping(_own(target_id))
    note("webhook tested", str(target_id))
    flash("A test is on its way. Its attempt stands below in a moment; open this page again to see it.")
    return redirect(url_for("dashboard.webhooks_show", target_id=target_id))


@blueprint.post("/webhooks/<int:target_id>/replay")
@owners_only
def webhooks_replay(target_id: int) -> Page:
    """Sends again: one delivery, or all kept ones of recognitions since a time."""
    target = _own(target_id)
    delivery = request.form.get("delivery", "")
    if delivery:
        known = _deliveries().get(delivery) if _DELIVERY.fullmatch(delivery) else None
        if known is None or known.target != target.id:
            return _one(target, problem="There is no such delivery; they are kept for a week at most."), 404
        count = int(_deliveries().replay(known.id))
    else:
        try:
            since = datetime.fromisoformat(request.form.get("since", "")).replace(tzinfo=UTC)
        except ValueError:
            return _one(target, problem="Choose the time from which on deliveries are sent again."), 400
        count = _deliveries().replay_since(target.id, since.timestamp())
    note("webhook replayed", f"{target_id}: {count}")
    flash(f"{count} {'delivery is' if count == 1 else 'deliveries are'} sent again.")
    return redirect(url_for("dashboard.webhooks_show", target_id=target_id))


def _list(problem: str = "") -> str:
    found = [(target, _deliveries().standing(target.id)) for target in _targets().list(current_user().account)]
    return render_template(
        "dashboard/webhooks.html",
        rows=found,
        problem=problem,
        given=request.form,
        formats=FORMATS,
        images=IMAGES,
        target=None,
    )


def _one(target: Target, *, problem: str = "", secret: str = "") -> str:
    return render_template(
        "dashboard/webhook.html",
        target=target,
        standing=_deliveries().standing(target.id),
        attempts=_deliveries().attempts(target.id, ATTEMPTS),
        problem=problem,
        secret=secret,
        given=request.form if problem else {},
        formats=FORMATS,
        images=IMAGES,
        overlap=service().settings.webhook_secret_overlap,
    )


def _targets() -> Targets:
    return Targets(service().store)


def _deliveries() -> Deliveries:
    return Deliveries(service().store, service().settings)


def _own(target_id: int) -> Target:
    """The account's target. Another account's looks like none."""
    target = _targets().get(target_id)
    if target is None or target.account != current_user().account:
        abort(404)
    return target


def _typed() -> dict[str, Any]:
    form = request.form
    image = form.get("image", "none")
    return {
        "url": form.get("url", "").strip(),
        "format": "multipart" if image != "none" else form.get("format", "json"),
        "image": image,
        "mail": form.get("mail", "").strip(),
        "headers": _headers(form.get("headers", "")),
    }


def _headers(text: str) -> dict[str, str]:
    """`Name: value`, one a line; what has no colon is refused with its name by the target's own check."""
    found = {}
    for line in text.splitlines():
        if line.strip():
            name, _, value = line.partition(":")
            found[name.strip()] = value.strip()
    return found


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
        raise TargetError("url", message)


def _host(target: Target) -> str:
    """For the audit: paths and queries of URLs often hold a secret."""
    return urlsplit(target.url).hostname or ""
