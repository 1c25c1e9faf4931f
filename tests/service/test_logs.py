"""The logs of real processes: JSON on every line, and one request's id from web through worker to webhooks."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
import requests

from platehost.accounts import Accounts
from tests.service.support import Processes, wait_until
from tests.webhooks.receiver import Receiver


def lines(own: Processes, name: str) -> list[dict[str, Any]]:
    """Every line of a process's log; one that is no JSON object is a fault."""
    found = []
    for line in own.log(name).splitlines():
        record = json.loads(line)
        assert {"time", "level", "process", "logger", "event"} <= record.keys(), line
        found.append(record)
    return found


def test_one_request_id_goes_from_web_through_worker_to_webhooks(own: Processes, photo: bytes) -> None:
    receiver = Receiver()
    own.settings["PLATEHOST_WEBHOOK_ALLOW"] = "127.0.0.1/32"
    own.start_all()
    key = Accounts(own.server.client()).create_key("logs")
    token = {"Authorization": f"Token {key}"}
    made = requests.post(f"{own.url}/api/v1/webhooks", json={"url": receiver.url}, headers=token, timeout=10)
    assert made.status_code == 201, made.text
    answer = requests.post(
        f"{own.url}/v1/plate-reader/",
        headers={**token, "X-Request-ID": "gate-7.2026_11"},
        files={"upload": ("car.jpg", photo)},
        timeout=40,
    )
    assert answer.headers["X-Request-ID"] == "gate-7.2026_11"
    job_id = answer.headers["X-Job-Id"]
    batch = requests.post(
        f"{own.url}/api/v1/batch",
        headers={**token, "X-Request-ID": "a-batch"},
        files=[("images[]", ("a.jpg", photo)), ("images[]", ("b.jpg", photo))],
        timeout=40,
    )
    assert batch.headers["X-Request-ID"] == "a-batch"
    wait_until(lambda: own.log("webhooks").count('"event": "attempt"') == 3, 30, "three deliveries are logged")

    (asked,) = [each for each in lines(own, "web") if each.get("request_id") == "gate-7.2026_11"]
    assert (asked["event"], asked["job_id"], asked["status"]) == ("request", job_id, answer.status_code)
    batches = [each for each in lines(own, "worker") if each["event"] == "batch"]
    pairs = [pair for each in batches for pair in zip(each["job_ids"], each["request_ids"], strict=True)]
    assert (job_id, "gate-7.2026_11") in pairs
    assert [request_id for _, request_id in pairs].count("a-batch") == 2
    attempts = [each for each in lines(own, "webhooks") if each["event"] == "attempt"]
    (told,) = [each for each in attempts if job_id in each["delivery"]]
    assert (told["request_id"], told["state"]) == ("gate-7.2026_11", "delivered")
    assert [each["request_id"] for each in attempts].count("a-batch") == 2
    receiver.close()

    own.stop_all()
    for name in ("web", "worker", "webhooks"):
        assert lines(own, name)
        assert key not in own.log(name)


@pytest.mark.parametrize("sent", [None, "", "has blanks", "x" * 65, "semi;colon", "ü"])
def test_an_id_that_is_not_well_formed_is_made_anew(running: Processes, sent: str | None) -> None:
    headers = {} if sent is None else {"X-Request-ID": sent.encode()}
    answer = requests.get(f"{running.url}/healthz", headers=headers, timeout=10)
    assert re.fullmatch("[0-9a-f]{32}", answer.headers["X-Request-ID"])


def test_an_error_has_an_id_too_and_each_request_its_own(running: Processes) -> None:
    answers = [requests.get(f"{running.url}{path}", timeout=10) for path in ("/api/v1/nothing", "/v1/statistics/")]
    assert [each.status_code for each in answers] == [404, 403]
    ids = {each.headers["X-Request-ID"] for each in answers}
    assert len(ids) == 2
    wait_until(lambda: all(each in running.log("web") for each in ids), 5, "both stand in the log")
