"""What matters at a glance: does it work, how much is it used, and what is there to do."""

from __future__ import annotations

from datetime import UTC, datetime

from flask import render_template

from platehost.deliveries import Deliveries
from platehost.health import live_workers, oldest_wait, queue_length
from platehost.recent import Recent
from platehost.targets import Targets
from web.dashboard.blueprint import blueprint
from web.dashboard.people import current_user
from web.dashboard.plot import bars
from web.service import service

LATEST = 4
DAYS = 30


@blueprint.get("/")
def overview() -> str:
    """The first page after sign-in."""
    built = service()
    account = current_user().account
    now = datetime.now(UTC)
    deliveries = Deliveries(built.store, built.settings)
    targets = Targets(built.store).list(account)
    failing = sum(bool(target.on and deliveries.standing(target.id)["failing_since"]) for target in targets)
    keys = [key for key in built.accounts.list_keys(account) if key.state(now) == "in use"]
    days = built.usage.days(account, now, DAYS)
    recent = Recent(built.store, built.settings)
    return render_template(
        "dashboard/overview.html",
        workers=len(live_workers(built.store)),
        waiting=queue_length(built.store),
        oldest=oldest_wait(built.store),
        quota=built.usage.quota(account, built.accounts.plan(account).calls, now),
        today=days[-1][1],
        plot=bars([(f"{day.day} {day:%b}", count) for day, count in days]),
        keys=len(keys),
        used_keys=sum(key.last_used is not None for key in keys),
        targets=targets,
        failing=failing,
        recent=recent,
        latest=recent.search(account, most=LATEST).readings[:LATEST],
    )
