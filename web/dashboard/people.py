"""Who the current request is from, and what that person may do."""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import wraps
from typing import Any, TypeVar

from flask import abort, g, redirect, request, session, url_for
from werkzeug import Response

from platehost.accounts import DEFAULT_ACCOUNT
from platehost.audit import Audit
from platehost.users import User, Users
from web.service import service

Page = TypeVar("Page", bound=Callable[..., Any])


def users() -> Users:
    return Users(service().store)


def current_user() -> User:
    """The person who is signed in; only for pages behind the guard."""
    user: User = g.user
    return user


def begin_session(user: User) -> None:
    """Signs a person in, under a new session id."""
    session.renew()  # type: ignore[attr-defined]
    session.update(user=user.name, epoch=user.epoch, began=time.time())


def find_user() -> User | None:
    """The person whose session this is; None when it ended, the password changed, or the person is gone."""
    name = session.get("user")
    if not name:
        return None
    user = users().get(name)
    if user is None or user.epoch != session.get("epoch"):
        session.renew()  # type: ignore[attr-defined]
        return None
    return user


def is_operator(user: User) -> bool:
    """Whether this person's account is the one that runs the service, and may see its machines."""
    return user.account == DEFAULT_ACCOUNT


def owners_only(page: Page) -> Page:
    """For pages that change what clients rely on."""

    @wraps(page)
    def guarded(*args: Any, **kwargs: Any) -> Any:
        if not current_user().is_owner:
            abort(403, "Only an owner of the account may do this.")
        return page(*args, **kwargs)

    return guarded  # type: ignore[return-value]


def operators_only(page: Page) -> Page:
    """For pages about the whole service."""

    @wraps(page)
    def guarded(*args: Any, **kwargs: Any) -> Any:
        if not is_operator(current_user()):
            abort(403, f"Only users of the account {DEFAULT_ACCOUNT} may see this page.")
        return page(*args, **kwargs)

    return guarded  # type: ignore[return-value]


def note(what: str, detail: str = "", *, who: User | str | None = None) -> None:
    """Keeps an audit line of what the current person did; `who` for one who is not signed in."""
    person = who or current_user()
    name, account = (person.name, person.account) if isinstance(person, User) else (person, "")
    Audit(service().store).note(what, who=name, account=account, detail=detail, address=request.remote_addr or "")


def to_sign_in() -> Response:
    """Where somebody without a session is sent; a page that was asked for is gone to after sign-in."""
    wanted = request.full_path.rstrip("?") if request.method == "GET" else None
    return redirect(url_for("dashboard.sign_in", next=wanted))
