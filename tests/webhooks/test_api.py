"""`/api/v1/webhooks` from outside: an account sees and changes its own targets only."""

from __future__ import annotations

import json
import time
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
import redis
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from platehost.accounts import Accounts
from platehost.settings import Settings
from platehost.targets import Targets
from tests.webhooks.office import Office
from tests.webhooks.receiver import Receiver
from web.app import create_app

PATH = "/api/v1/webhooks"
URL = "https://example.com/hook"


def made(client: FlaskClient, token: dict[str, str], **fields: Any) -> dict[str, Any]:
    answer = client.post(PATH, json={"url": URL, **fields}, headers=token)
    assert answer.status_code == 201, answer.text
    told: dict[str, Any] = answer.get_json()["webhook"]
    assert answer.headers["Location"].endswith(f"{PATH}/{told['id']}")
    return told


def refused(answer: TestResponse, status: int, *words: str) -> None:
    assert answer.status_code == status, answer.text
    body = answer.get_json()
    assert body["success"] is False
    assert set(body["error"]) == {"code", "message"}
    for word in words:
        assert word in body["error"]["message"]


def test_a_target_is_made_listed_shown_changed_and_removed(client: FlaskClient, token: dict[str, str]) -> None:
    target = made(client, token, format="multipart", image="plate", headers={"Authorization": "Token abc"})
    listed = client.get(PATH, headers=token).get_json()
    assert listed == {"success": True, "webhooks": [target]}
    place = f"{PATH}/{target['id']}"
    assert client.get(place, headers=token).get_json()["webhook"] == target
    assert "abc" not in json.dumps(listed)
    changed = client.patch(place, json={"format": "form", "image": "none", "on": False}, headers=token).get_json()
    assert changed["webhook"]["format"] == "form"
    assert changed["webhook"]["on"] is False
    assert changed["webhook"]["off_reason"] == "Switched off by its account."
    assert client.patch(place, json={"on": True}, headers=token).get_json()["webhook"]["on"] is True
    assert client.delete(place, headers=token).get_json() == {"success": True}
    refused(client.get(place, headers=token), 404)


def test_a_form_is_taken_too(client: FlaskClient, token: dict[str, str]) -> None:
    answer = client.post(PATH, data={"url": URL, "format": "form"}, headers=token)
    assert answer.status_code == 201
    assert answer.get_json()["webhook"]["format"] == "form"


def test_a_target_may_have_limits_of_its_own(client: FlaskClient, token: dict[str, str]) -> None:
    target = made(client, token)
    assert (target["max_rate"], target["max_in_flight"]) == (None, None)
    place = f"{PATH}/{target['id']}"

    def change(**fields: Any) -> list[Any]:
        told = client.patch(place, json=fields, headers=token).get_json()["webhook"]
        return [told["max_rate"], told["max_in_flight"]]

    assert change(max_rate=2.5, max_in_flight=1) == [2.5, 1]
    assert change(on=False) == [2.5, 1]
    assert change(max_rate=None, max_in_flight=0) == [None, None]
    formed = client.post(PATH, data={"url": URL, "max_rate": "0.5", "max_in_flight": "2"}, headers=token).get_json()[
        "webhook"
    ]
    assert (formed["max_rate"], formed["max_in_flight"]) == (0.5, 2)


def test_a_secret_is_told_once(client: FlaskClient, token: dict[str, str], store: redis.Redis) -> None:
    target = made(client, token, secret=True)
    assert target["secret"].startswith("whsec_")
    place = f"{PATH}/{target['id']}"
    assert "whsec_" not in client.get(place, headers=token).text
    turned = client.patch(place, json={"secret": True}, headers=token).get_json()["webhook"]["secret"]
    assert turned != target["secret"]
    kept = Targets(store).get(target["id"])
    assert kept
    assert (kept.secret, kept.old_secret) == (turned, target["secret"])


def test_another_accounts_target_looks_like_none(
    client: FlaskClient, token: dict[str, str], store: redis.Redis
) -> None:
    target = made(client, token)
    other = {"Authorization": f"Token {Accounts(store).create_key('other', 'other')}"}
    place = f"{PATH}/{target['id']}"
    assert client.get(PATH, headers=other).get_json()["webhooks"] == []
    for answer in (
        client.get(place, headers=other),
        client.patch(place, json={"on": False}, headers=other),
        client.delete(place, headers=other),
        client.post(f"{place}/test", headers=other),
        client.get(f"{place}/attempts", headers=other),
        client.post(f"{place}/replay", json={"since": "2026-01-01"}, headers=other),
    ):
        refused(answer, 404, "There is no webhook")
    assert client.get(place, headers=token).status_code == 200


@pytest.mark.parametrize("face", ["cloud", "sdk"])
def test_a_key_is_needed_on_every_face(settings: Settings, face: str) -> None:
    client = create_app(replace(settings, face=face)).test_client()
    refused(client.get(PATH), 401)
    refused(client.post(PATH, json={"url": URL}), 401)


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ({}, ["url is missing"]),
        ({"url": 1}, ["url"]),
        ({"url": "ftp://example.com"}, ["url", "http"]),
        ({"url": URL, "format": "xml"}, ["format", "json, form, multipart"]),
        ({"url": URL, "max_rate": "fast"}, ["max_rate", "number"]),
        ({"url": URL, "max_rate": [1]}, ["max_rate", "number"]),
        ({"url": URL, "max_rate": 1e9}, ["max_rate", "10000"]),
        ({"url": URL, "max_in_flight": True}, ["max_in_flight", "whole number"]),
        ({"url": URL, "max_in_flight": 1.5}, ["max_in_flight", "whole number"]),
        ({"url": URL, "max_in_flight": "1" * 500}, ["max_in_flight"]),
        ({"url": URL, "max_in_flight": 65}, ["max_in_flight", "64"]),
        ({"url": URL, "headers": ["a"]}, ["headers"]),
        ({"url": URL, "headers": {"Host": "b"}}, ["Host"]),
        ({"url": URL, "secret": "abc"}, ["secret", "whsec_"]),
        ({"url": URL, "colour": "red"}, ["colour is not known", "url"]),
        ({"url": "http://127.0.0.1/"}, ["127.0.0.1", "this machine", "PLATEHOST_WEBHOOK_ALLOW"]),
        ({"url": "http://[::ffff:10.0.0.1]/"}, ["PLATEHOST_WEBHOOK_ALLOW"]),
        ([], ["JSON object"]),
    ],
)
def test_bad_targets_are_told(client: FlaskClient, token: dict[str, str], body: Any, words: list[str]) -> None:
    refused(client.post(PATH, json=body, headers=token), 400, *words)


def test_bad_json_and_bad_fields_are_told(client: FlaskClient, token: dict[str, str]) -> None:
    refused(client.post(PATH, data="{", content_type="application/json", headers=token), 400, "JSON")
    target = made(client, token)
    place = f"{PATH}/{target['id']}"
    refused(client.patch(place, json={"on": "yes"}, headers=token), 400, "on must be")
    for limit in ("0", "1001", "-1", "x", "9" * 5000, "\u0661"):
        refused(client.get(f"{place}/attempts", query_string={"limit": limit}, headers=token), 400, "limit", "1000")
    refused(client.post(f"{place}/replay", json={}, headers=token), 400, "delivery", "since")
    refused(client.post(f"{place}/replay", json={"since": "yesterday"}, headers=token), 400, "since")
    for delivery in ("msg_x", "", "\ud800", "a:b", "x" * 129, 7, ["msg_x"]):
        answer = client.post(f"{place}/replay", json={"delivery": delivery}, headers=token)
        refused(answer, 404, "no such delivery")


@pytest.mark.parametrize("unusable", ["", "  ", "abc"])
def test_a_secret_that_cannot_be_used_changes_nothing(
    client: FlaskClient, token: dict[str, str], store: redis.Redis, unusable: str
) -> None:
    target = made(client, token, secret=True)
    refused(
        client.patch(f"{PATH}/{target['id']}", json={"secret": unusable, "on": False}, headers=token), 400, "secret"
    )
    kept = Targets(store).get(target["id"])
    assert kept
    assert (kept.secret, kept.old_secret, kept.on) == (target["secret"], "", True)


def test_an_account_has_so_many_targets(
    client: FlaskClient, token: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("web.webhooks.MOST_TARGETS", 1)
    made(client, token)
    refused(client.post(PATH, json={"url": URL}, headers=token), 400, "at most 1")


def test_a_test_its_attempt_and_its_replay(
    client: FlaskClient, token: dict[str, str], store: redis.Redis, settings: Settings, receiver: Receiver
) -> None:
    office = Office(store, settings)
    target = office.add(receiver.url)
    place = f"{PATH}/{target.id}"
    answer = client.post(f"{place}/test", headers=token)
    assert answer.status_code == 202
    delivery = answer.get_json()["delivery"]
    office.deliver()
    (attempt,) = client.get(f"{place}/attempts", headers=token).get_json()["attempts"]
    assert attempt["delivery"] == delivery
    assert (attempt["status"], attempt["answer"], attempt["error"]) == (200, "ok", "")
    assert datetime.fromisoformat(attempt["time"]).tzinfo == UTC
    assert client.get(f"{place}/attempts?delivery=other", headers=token).get_json()["attempts"] == []
    again = client.post(f"{place}/replay", json={"delivery": delivery}, headers=token)
    assert (again.status_code, again.get_json()["replayed"]) == (202, 1)
    office.now = time.time() + 1
    office.deliver()
    since = client.post(f"{place}/replay", json={"since": "2026-01-01T00:00:00Z"}, headers=token)
    assert since.get_json()["replayed"] == 1
    office.now = time.time() + 1
    office.deliver()
    assert len({each.headers["webhook-id"] for each in receiver.received}) == 1
    assert len(receiver.received) == 3
