"""Usage: calls per day and month, the plan, what is left and when the count begins anew."""

from __future__ import annotations

from datetime import UTC, date, datetime

from flask import render_template

from web.dashboard.blueprint import blueprint
from web.dashboard.people import current_user
from web.dashboard.plot import bars
from web.service import service

DAYS = 60
MONTHS = 12


@blueprint.get("/usage")
def usage() -> str:
    """The account's calls. Each is one picture that was read, with plates or without."""
    built = service()
    account = current_user().account
    now = datetime.now(UTC)
    plan = built.accounts.plan(account)
    days = built.usage.days(account, now, DAYS)
    months = [(_month(each), count) for each, count in built.usage.months(account, now, MONTHS)]
    return render_template(
        "dashboard/usage.html",
        plan=plan,
        rate=plan.rate or built.settings.rate_limit,
        quota=built.usage.quota(account, plan.calls, now),
        days=bars([(f"{day.day} {day:%b}", count) for day, count in days]),
        months=bars(months),
        day_rows=[(day, count) for day, count in reversed(days) if count],
        month_rows=[row for row in reversed(months) if row[1]],
    )


def _month(text: str) -> str:
    return f"{date.fromisoformat(text + '-01'):%b %Y}"
