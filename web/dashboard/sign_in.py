"""Signing in and out, the first owner, and one's own password."""

from __future__ import annotations

from flask import abort, flash, g, redirect, render_template, request, session, url_for
from werkzeug import Response

from platehost.setup_code import SetupCode
from platehost.users import UserError, normal_name
from web.dashboard import attempts
from web.dashboard.blueprint import PREFIX, blueprint
from web.dashboard.people import begin_session, current_user, note, users
from web.service import service

Page = str | Response | tuple[str, int]

_WRONG = "The name or the password is wrong."
_TOO_MANY = f"Too many attempts. Try again in {attempts.MINUTES} minutes."


@blueprint.get("/sign-in")
def sign_in() -> Page:
    """The form; somebody who is signed in goes on to the overview."""
    if g.user:
        return redirect(url_for("dashboard.overview"))
    if not users().exist():
        return redirect(url_for("dashboard.setup"))
    return render_template("dashboard/sign_in.html", name="", next=_next(request.args))


@blueprint.post("/sign-in")
def sign_in_post() -> Page:
    """One answer for a wrong name and a wrong password, in the same time."""
    name = normal_name(request.form.get("name", ""))
    wanted = _next(request.form)
    if not attempts.allowed(name):
        note("sign-in refused: too many attempts", who=name)
        return render_template("dashboard/sign_in.html", name=name, next=wanted, problem=_TOO_MANY), 429
    user = users().check(name, request.form.get("password", ""))
    if user is None:
        note("sign-in failed", who=name)
        return render_template("dashboard/sign_in.html", name=name, next=wanted, problem=_WRONG), 401
    attempts.forgive(name)
    begin_session(user)
    note("signed in", who=user)
    return redirect(wanted or url_for("dashboard.overview"))


@blueprint.post("/sign-out")
def sign_out() -> Page:
    """Ends this session."""
    note("signed out")
    session.renew()  # type: ignore[attr-defined]
    return redirect(url_for("dashboard.sign_in"))


@blueprint.get("/setup")
def setup() -> Page:
    """The first owner. The code that it asks for stands in the server's log, where strangers cannot look."""
    if users().exist():
        abort(404)
    SetupCode(service().store).say()
    return render_template("dashboard/setup.html", name="", code=request.args.get("code", ""))


@blueprint.post("/setup")
def setup_post() -> Page:
    """Makes the first owner and signs in. Of two at the same time, one becomes it."""
    if users().exist():
        abort(404)
    name, code = request.form.get("name", ""), request.form.get("code", "")
    codes = SetupCode(service().store)
    status, problem = 400, ""
    if not attempts.allowed("the set-up code"):
        status, problem = 429, _TOO_MANY
    elif not codes.matches(code):
        status, problem = 403, "The set-up code is wrong. It stands in the log of the service."
        codes.say()
    else:
        try:
            password = _new_password()
            user = users().add_first(name, password)
            if user is None:
                abort(404)
            codes.forget()
            begin_session(user)
            note("set up: first owner made", user.name, who=user)
            return redirect(url_for("dashboard.overview"))
        except UserError as error:
            problem = str(error)
    return render_template("dashboard/setup.html", name=name, code=code, problem=problem), status


@blueprint.get("/password")
def password() -> Page:
    """One's own password."""
    return render_template("dashboard/password.html")


@blueprint.post("/password")
def password_post() -> Page:
    """Changes it and ends all other sessions."""
    user = current_user()
    if not attempts.allowed(user.name):
        return render_template("dashboard/password.html", problem=_TOO_MANY), 429
    try:
        if users().check(user.name, request.form.get("current", "")) is None:
            raise UserError("current", "The current password is wrong.")
        changed = users().set_password(user.name, _new_password())
    except UserError as error:
        return render_template("dashboard/password.html", problem=str(error)), 400
    attempts.forgive(user.name)
    if changed:
        begin_session(changed)
    note("password changed", user.name)
    flash("The password is changed. All other sessions of yours have ended.")
    return redirect(url_for("dashboard.password"))


def _new_password() -> str:
    password = request.form.get("password", "")
    if password != request.form.get("again", ""):
        raise UserError("again", "The two passwords are not the same.")
    return password


def _next(fields: dict[str, str]) -> str:
    """Where to go after sign-in: a page of the dashboard, never elsewhere."""
    wanted = fields.get("next", "")
    inside = wanted.startswith(PREFIX + "/") and not wanted.startswith(PREFIX + "//") and "\\" not in wanted
    return wanted if inside and len(wanted) < 500 and wanted.isprintable() else ""
