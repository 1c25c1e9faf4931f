"""Members of the account: its owners add them, change their roles and remove them."""

from __future__ import annotations

import secrets

from flask import abort, flash, redirect, render_template, request, url_for
from werkzeug import Response

from platehost.users import MEMBER, OWNER, User, UserError, normal_name
from web.dashboard.blueprint import blueprint
from web.dashboard.people import current_user, note, owners_only, users

Page = str | Response | tuple[str, int]


@blueprint.get("/members")
@owners_only
def members() -> str:
    """Everybody who may sign in to this account."""
    return _page()


@blueprint.post("/members")
@owners_only
def members_add() -> Page:
    """Makes a user with a password that is shown in this answer alone; who gets it should change it."""
    name, role = request.form.get("name", ""), request.form.get("role", MEMBER)
    password = secrets.token_urlsafe(12)
    try:
        user = users().add(name, password, account=current_user().account, role=role)
    except UserError as error:
        return _page(problem=str(error), name=name, role=role), 400
    note("member added", f"{user.name} as {user.role}")
    return _page(made=user.name, password=password), 201


@blueprint.post("/members/<name>/role")
@owners_only
def members_role(name: str) -> Page:
    """Makes a member an owner, or an owner a member."""
    user = _own(name)
    role = MEMBER if user.role == OWNER else OWNER
    try:
        users().set_role(user.name, role)
    except UserError as error:
        return _page(problem=str(error)), 400
    note("role changed", f"{user.name}: {role}")
    flash(f"{user.name} is {'an owner' if role == OWNER else 'a member'} now.")
    return redirect(url_for("dashboard.members" if user.name != current_user().name else "dashboard.overview"))


@blueprint.post("/members/<name>/remove")
@owners_only
def members_remove(name: str) -> Page:
    """Ends a user and all sessions of it."""
    user = _own(name)
    try:
        users().remove(user.name)
    except UserError as error:
        return _page(problem=str(error)), 400
    note("member removed", user.name)
    flash(f"{user.name} is removed and signed out.")
    return redirect(url_for("dashboard.members"))


def _own(name: str) -> User:
    """A user of this account. Another account's looks like none."""
    user = users().get(normal_name(name))
    if user is None or user.account != current_user().account:
        abort(404)
    return user


def _page(*, problem: str = "", made: str = "", password: str = "", name: str = "", role: str = MEMBER) -> str:
    return render_template(
        "dashboard/members.html",
        members=users().list(current_user().account),
        problem=problem,
        made=made,
        password=password,
        name=name,
        role=role,
    )
