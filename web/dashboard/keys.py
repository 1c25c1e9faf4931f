"""API keys of the account: made, shown once, revoked."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from flask import abort, flash, redirect, render_template, request, url_for
from werkzeug import Response

from platehost.accounts import AccountError
from web.dashboard.blueprint import blueprint
from web.dashboard.people import current_user, note, owners_only
from web.service import service

# Days from now, and in words. A date of one's own is the last choice of the form.
LIFETIMES = (("", "Never"), ("30", "In 30 days"), ("90", "In 90 days"), ("365", "In a year"))


@blueprint.get("/keys")
def keys() -> str:
    """All keys of the account, those in use first."""
    return _page()


@blueprint.post("/keys")
@owners_only
def keys_create() -> tuple[str, int]:
    """Makes a key. Its secret stands in this answer and nowhere else, so there is no page to go back to."""
    name, lifetime = request.form.get("name", ""), request.form.get("expires", "")
    account = current_user().account
    try:
        if lifetime not in dict(LIFETIMES):
            raise AccountError("Choose when the key expires.")
        expires = datetime.now(UTC) + timedelta(days=int(lifetime)) if lifetime else None
        secret = service().accounts.create_key(name, account, expires_at=expires)
    except AccountError as error:
        return _page(problem=str(error), name=name, expires=lifetime), 400
    note("key created", name.strip())
    return _page(secret=secret, made=name.strip()), 201


@blueprint.post("/keys/<key_id>/revoke")
@owners_only
def keys_revoke(key_id: str) -> Response:
    """Ends a key at once."""
    account = current_user().account
    known = next((key for key in service().accounts.list_keys(account) if key.id == key_id), None)
    if known is None:
        abort(404)
    if service().accounts.revoke_key(key_id, account):
        note("key revoked", f"{known.name} ({key_id})")
        flash(f"The key {known.name} is revoked.")
    return redirect(url_for("dashboard.keys"))


def _page(*, problem: str = "", secret: str = "", made: str = "", name: str = "", expires: str = "") -> str:
    now = datetime.now(UTC)
    found = sorted(service().accounts.list_keys(current_user().account), key=lambda key: key.created, reverse=True)
    rows = [(key, key.state(now)) for key in found]
    return render_template(
        "dashboard/keys.html",
        used=[row for row in rows if row[1] == "in use"],
        ended=[row for row in rows if row[1] != "in use"],
        lifetimes=LIFETIMES,
        problem=problem,
        secret=secret,
        made=made,
        name=name,
        expires=expires,
        base=request.host_url.rstrip("/"),
    )
