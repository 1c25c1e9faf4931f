"""64 clients, 2,000 requests, a plan of 20 a second: exactly what the plan allows passes, and is counted."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path

from platehost.accounts import Accounts
from platehost.plans import Plans
from platehost.usage import Usage
from tests.service import limit_storm
from tests.service.support import Processes, RedisServer

RATE = 20


def test_exactly_the_plans_rate_passes_in_each_window(tmp_path: Path) -> None:
    server = RedisServer(tmp_path)
    server.start()
    store = server.client()
    own = Processes(tmp_path, server, {"PLATEHOST_WEB_PROCESSES": "2", "PLATEHOST_SYNC_WINDOW": "60"})
    accounts = Accounts(store)
    Plans(store).add("twenty", rate=f"{RATE} per second")
    accounts.add("north", plan="twenty")
    key = accounts.create_key("gate", "north")
    try:
        own.start("web")
        own.start("tests.service.scripted_worker", "worker")
        own.wait_ready()
        with limit_storm.Windows(server.url) as windows:
            # Over several windows, however fast the machine is.
            answers = limit_storm.run(limit_storm.Storm(own.port, key, b"\xff\xd8\xff", per_second=500))
        passed = [each for each in answers if each.status == 201]
        refused = [each for each in answers if each.status == 429]
        assert len(answers) == len(passed) + len(refused) == 2000

        # What Redis saw, apart from what was answered: in each window as many passed as could, and no more.
        assert len(windows.began) >= 3
        assert all(after - before >= 0.999 for before, after in pairwise(windows.began)), "a window lasts its second"
        allowed = [min(RATE, counted) for counted in windows.counted]
        assert len(passed) == sum(allowed)
        left = Counter(int(each.headers["x-ratelimit-remaining"]) for each in passed)
        assert left == Counter(RATE - number for most in allowed for number in range(1, most + 1))

        for each in refused:
            told = {name: each.headers[f"x-ratelimit-{name}"] for name in ("limit", "remaining")}
            assert told == {"limit": str(RATE), "remaining": "0"}
            assert each.headers["retry-after"] == "1"
        assert Usage(store).calls("north", datetime.now(UTC)) == len(passed)
    finally:
        own.stop_all()
        server.stop()
