"""GET /v1/statistics/: the month's calls of an account, without counting itself."""

from __future__ import annotations

import dataclasses
from datetime import UTC, datetime

import pytest
import redis
from flask.testing import FlaskClient

from platehost.accounts import Accounts
from platehost.settings import Settings
from platehost.usage import Usage, next_month
from web.app import create_app


@pytest.mark.parametrize("path", ["/v1/statistics/", "/v1/statistics"])
def test_it_tells_the_calls_of_this_month(
    client: FlaskClient, token: dict[str, str], store: redis.Redis, path: str
) -> None:
    now = datetime.now(UTC)
    for job in ("first", "second"):
        Usage(store).count("main", job, now)
    Usage(store).count("other", "third", now)
    for _ in range(2):
        answer = client.get(path, headers=token)
        assert answer.status_code == 200
        assert answer.headers["Access-Control-Allow-Origin"] == "*"
        body = answer.get_json()
        assert list(body) == ["usage", "total_calls"]
        assert body["usage"]["calls"] == 2
        assert datetime(body["usage"]["year"], body["usage"]["month"], 1, tzinfo=UTC) <= now
        resets_on = datetime.strptime(body["usage"]["resets_on"], "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC)
        assert resets_on > now
        assert resets_on.day == 1
        # Home Assistant subtracts the one from the other.
        assert type(body["total_calls"]) is int
        assert body["total_calls"] > body["usage"]["calls"]


def test_it_takes_a_key(client: FlaskClient) -> None:
    assert client.get("/v1/statistics/").status_code == 403


def test_looking_is_never_limited(settings: Settings, store: redis.Redis) -> None:
    client = create_app(dataclasses.replace(settings, rate_limit="1 per hour")).test_client()
    headers = {"Authorization": f"Token {Accounts(store).create_key('often')}"}
    assert [client.get("/v1/statistics/", headers=headers).status_code for _ in range(3)] == [200, 200, 200]


def test_a_month_ends_when_the_next_begins() -> None:
    assert next_month(datetime(2026, 12, 31, 23, 59, tzinfo=UTC)) == datetime(2027, 1, 1, tzinfo=UTC)
    assert next_month(datetime(2026, 1, 31, tzinfo=UTC)) == datetime(2026, 2, 1, tzinfo=UTC)
