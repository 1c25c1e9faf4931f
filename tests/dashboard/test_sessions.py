"""Sessions: where they are, when they end, and that nobody can bring one along."""

from __future__ import annotations

import json
import time
from dataclasses import replace

import redis
from flask import Flask
from flask.testing import FlaskClient

from platehost.settings import Settings
from platehost.users import Users
from tests.dashboard.support import send, sign_in
from web.app import create_app
from web.dashboard.sessions import COOKIE, RECORD

HOME = "/dashboard/"


def _records(store: redis.Redis) -> list[bytes]:
    return [key for key in store.scan_iter(f"{RECORD}*") if b"user" in store.get(key)]


def test_the_cookie_is_kept_from_scripts_and_other_sites(client: FlaskClient, people: Users) -> None:
    cookie = sign_in(client).headers["Set-Cookie"]
    assert cookie.startswith(f"{COOKIE}=")
    for part in ("HttpOnly", "SameSite=Lax", "Path=/dashboard"):
        assert part in cookie.split("; ")
    assert "Secure" not in cookie


def test_the_cookie_is_secure_behind_a_proxy_that_is_believed(settings: Settings, people: Users) -> None:
    header = {"X-Forwarded-Proto": "https"}
    for proxies, secure in ((0, False), (1, True)):
        client = create_app(replace(settings, proxies=proxies)).test_client()
        cookie = client.get("/dashboard/sign-in", headers=header).headers["Set-Cookie"]
        assert ("Secure" in cookie) is secure


def test_the_store_knows_the_hash_alone(owner: FlaskClient, store: redis.Redis) -> None:
    value = owner.get_cookie(COOKIE, path="/dashboard")
    assert value is not None
    (record,) = _records(store)
    assert value.value.encode() not in record + store.get(record)


def test_sign_in_changes_the_id(client: FlaskClient, people: Users, store: redis.Redis) -> None:
    client.get("/dashboard/sign-in")
    before = client.get_cookie(COOKIE, path="/dashboard")
    sign_in(client)
    after = client.get_cookie(COOKIE, path="/dashboard")
    assert before is not None
    assert after is not None
    assert before.value != after.value
    # The id from before is worth nothing, to whoever planted it.
    stranger = client.application.test_client()
    stranger.set_cookie(COOKIE, before.value, path="/dashboard")
    assert stranger.get(HOME).status_code == 302


def test_an_id_that_the_store_does_not_know_is_not_taken_up(client: FlaskClient, people: Users) -> None:
    client.set_cookie(COOKIE, "planted", path="/dashboard")
    sign_in(client)
    cookie = client.get_cookie(COOKIE, path="/dashboard")
    assert cookie is not None
    assert cookie.value != "planted"


def test_an_idle_session_ends(owner: FlaskClient, store: redis.Redis, settings: Settings) -> None:
    (record,) = _records(store)
    assert settings.session_idle - 60 < store.ttl(record) <= settings.session_idle
    # Every click renews it.
    store.expire(record, 100)
    assert owner.get(HOME).status_code == 200
    assert store.ttl(record) > 100
    store.pexpire(record, 1)
    time.sleep(0.05)
    assert owner.get(HOME).status_code == 302


def test_a_session_ends_in_any_case(owner: FlaskClient, store: redis.Redis, settings: Settings) -> None:
    (record,) = _records(store)
    fields = json.loads(store.get(record))
    store.set(record, json.dumps({**fields, "began": time.time() - settings.session_longest + 100}))
    assert owner.get(HOME).status_code == 200
    assert store.ttl(record) <= 100
    store.set(record, json.dumps({**fields, "began": time.time() - settings.session_longest - 1}))
    assert owner.get(HOME).status_code == 302


def test_sign_out_ends_the_session_in_the_store(owner: FlaskClient, store: redis.Redis) -> None:
    cookie = owner.get_cookie(COOKIE, path="/dashboard")
    assert cookie is not None
    assert send(owner, "/dashboard/sign-out", form=HOME).status_code == 302
    assert _records(store) == []
    copy = owner.application.test_client()
    copy.set_cookie(COOKIE, cookie.value, path="/dashboard")
    assert copy.get(HOME).status_code == 302


def test_the_apis_have_no_session(owner: FlaskClient, token: dict[str, str]) -> None:
    assert owner.get("/v1/statistics/").status_code == 403
    answer = owner.get("/v1/statistics/", headers=token)
    assert answer.status_code == 200
    assert "Set-Cookie" not in answer.headers


def test_a_store_that_is_away_is_a_page(settings: Settings) -> None:
    client = create_app(replace(settings, redis_url="redis://127.0.0.1:1/0")).test_client()
    client.set_cookie(COOKIE, "anything", path="/dashboard")
    answer = client.get(HOME)
    assert answer.status_code == 503
    assert answer.content_type.startswith("text/html")
    assert "store" in answer.text


def test_no_session_is_made_on_a_second_port(settings: Settings, people: Users) -> None:
    app: Flask = create_app(settings, face="sdk")
    assert app.test_client().get("/dashboard/").status_code == 404
    assert app.test_client().get("/", headers={"Accept": "text/html"}).get_json()["status"] == "ok"
