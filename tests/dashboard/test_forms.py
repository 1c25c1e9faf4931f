"""What every page and form of the dashboard has: headers, a token, and the right person."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

import pytest
import redis
from flask import Flask
from flask.testing import FlaskClient

from platehost.accounts import Accounts
from platehost.settings import Settings
from platehost.targets import Targets, new_secret
from platehost.users import Users
from tests.dashboard.support import MEMBER, PASSWORD, send, sign_in, token
from web.app import create_app
from web.dashboard.guard import OPEN

PAGES = ("", "try", "keys", "webhooks", "usage", "readings", "system", "members", "password")
# Forms that a member may send: its own session and password, and a photo.
EVERYBODYS = {"sign_in_post", "setup_post", "sign_out", "password_post", "try_it_post"}


def _rules(app: Flask, method: str) -> list[Any]:
    found = [rule for rule in app.url_map.iter_rules() if rule.endpoint.startswith("dashboard.")]
    return [rule for rule in found if method in (rule.methods or set())]


def _path(rule: Any) -> str:
    return re.sub(r"<(?:\w+:)?\w+>", "1", rule.rule)


@pytest.mark.parametrize("page", [*PAGES, "sign-in", "nothing"])
def test_every_page_says_what_a_browser_may_do(owner: FlaskClient, page: str) -> None:
    headers = owner.get(f"/dashboard/{page}").headers
    policy = dict(part.strip().split(" ", 1) for part in headers["Content-Security-Policy"].split(";"))
    assert policy["default-src"] == "'none'"
    assert policy["script-src"] == policy["style-src"] == policy["form-action"] == "'self'"
    assert policy["frame-ancestors"] == policy["base-uri"] == "'none'"
    assert "unsafe" not in headers["Content-Security-Policy"]
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["X-Frame-Options"] == "DENY"
    assert headers["Referrer-Policy"] == "same-origin"
    assert headers["Cache-Control"] == "no-store"


@pytest.mark.parametrize("page", PAGES)
def test_no_page_needs_what_the_policy_forbids_or_another_host(owner: FlaskClient, page: str) -> None:
    text = owner.get(f"/dashboard/{page}").text
    assert not re.search(r"<style|\sstyle=|\son[a-z]+=|javascript:", text)
    assert not re.search(r"<script(?![^>]*\ssrc=)", text)
    for address in re.findall(r'(?:src|href|action)="([^"]+)"', text):
        assert address.startswith(("/", "#")), address
        assert not address.startswith("//"), address


def test_files_have_an_address_by_content_and_are_kept(owner: FlaskClient) -> None:
    found = re.findall(r'"(/dashboard/static/[^"]+)"', owner.get("/dashboard/try").text)
    assert {each.split("?")[0].rpartition(".")[2] for each in found} >= {"css", "js", "svg", "webp"}
    for each in found:
        answer = owner.get(each)
        assert answer.status_code == 200
        assert "immutable" in answer.headers["Cache-Control"]
        assert "Set-Cookie" not in answer.headers


def test_every_page_but_the_door_needs_a_session(app: Flask, people: Users) -> None:
    client = app.test_client()
    seen = 0
    for rule in _rules(app, "GET"):
        if rule.endpoint not in OPEN:
            seen += 1
            answer = client.get(_path(rule))
            assert answer.status_code == 302, rule
            assert answer.headers["Location"].startswith("/dashboard/sign-in"), rule
    assert seen >= 12


def test_every_form_needs_its_token(app: Flask, owner: FlaskClient) -> None:
    posts = _rules(app, "POST")
    assert len(posts) >= 14
    for rule in posts:
        for fields in ({}, {"csrf_token": "forged"}):
            answer = owner.post(_path(rule), data=fields)
            assert answer.status_code == 400, rule
            assert "out of date" in answer.text
    assert owner.get("/dashboard/").status_code == 200


def test_a_token_of_another_session_is_refused(app: Flask, owner: FlaskClient, member: FlaskClient) -> None:
    foreign = token(member.get("/dashboard/"))
    assert owner.post("/dashboard/keys", data={"csrf_token": foreign, "name": "evil"}).status_code == 400


def test_a_form_from_another_site_is_refused_over_tls(app: Flask, owner: FlaskClient) -> None:
    page = owner.get("/dashboard/keys")
    fields = {"csrf_token": token(page), "name": "evil"}
    base = {"base_url": "https://localhost", "headers": {"Referer": "https://evil.example/"}}
    client = owner.application.test_client()
    client.set_cookie(
        "platehost_session", owner.get_cookie("platehost_session", path="/dashboard").value, path="/dashboard"
    )
    assert client.post("/dashboard/keys", data=fields, **base).status_code == 400
    base["headers"] = {"Referer": "https://localhost/dashboard/keys"}
    assert client.post("/dashboard/keys", data=fields, **base).status_code == 201


def test_a_member_changes_nothing(app: Flask, member: FlaskClient) -> None:
    form = token(member.get("/dashboard/"))
    tried = 0
    for rule in _rules(app, "POST"):
        if rule.endpoint.removeprefix("dashboard.") not in EVERYBODYS:
            tried += 1
            assert member.post(_path(rule), data={"csrf_token": form}).status_code == 403, rule
    assert tried >= 11
    assert member.get("/dashboard/members").status_code == 403
    system = member.get("/dashboard/system")
    assert system.status_code == 200
    assert "Who did what" not in system.text
    for page in ("keys", "webhooks"):
        assert "<form" not in member.get(f"/dashboard/{page}").text.split("<main")[1]


def test_another_account_is_not_to_be_seen(app: Flask, people: Users, store: redis.Redis) -> None:
    accounts = Accounts(store)
    accounts.add("shop")
    people.add("sam", PASSWORD, account="shop", role="owner")
    accounts.create_key("main's key")
    foreign = accounts.list_keys("main")[0]
    target = Targets(store).add("main", "https://example.com/secret-path")
    client = app.test_client()
    sign_in(client, "sam")
    assert "main's key" not in client.get("/dashboard/keys").text
    assert "secret-path" not in client.get("/dashboard/webhooks").text
    assert client.get(f"/dashboard/webhooks/{target.id}").status_code == 404
    assert client.get("/dashboard/system").status_code == 403
    page = "/dashboard/members"
    assert MEMBER not in client.get(page).text
    for path in (f"keys/{foreign.id}/revoke", f"webhooks/{target.id}/remove", f"members/{MEMBER}/remove"):
        assert send(client, f"/dashboard/{path}", form=page).status_code == 404, path
    assert accounts.list_keys("main")[0].revoked is None
    assert Targets(store).get(target.id) is not None
    assert people.get(MEMBER) is not None


def test_secrets_are_shown_once(owner: FlaskClient, store: redis.Redis) -> None:
    made = send(owner, "/dashboard/keys", name="garage", expires="30")
    assert made.status_code == 201
    secret = re.search(r'<code id="secret">([0-9a-f]{40})<', made.text)
    assert secret
    assert Accounts(store).find_key(secret[1]) is not None
    added = send(owner, "/dashboard/webhooks", url="https://example.com/a", signed="1", headers="X-Token: hush-hush")
    assert added.status_code == 201
    signing = re.search(r"whsec_[A-Za-z0-9+/=]+", added.text)
    assert signing
    member = send(owner, "/dashboard/members", name="new", role="member")
    password = re.search(r'<code id="secret">([^<]+)<', member.text)
    assert password
    texts = [owner.get(f"/dashboard/{page}").text for page in (*PAGES, "webhooks/1")]
    kept = b"".join(store.lrange("platehost:audit", 0, -1)).decode()
    for hidden in (secret[1], signing[0], "hush-hush", password[1]):
        assert not any(hidden in text for text in texts), hidden
        assert hidden not in kept


def test_what_people_type_is_never_markup(owner: FlaskClient, store: redis.Redis) -> None:
    evil = '"><script>alert(1)</script>'
    assert send(owner, "/dashboard/keys", name=evil).status_code == 201
    assert evil not in owner.get("/dashboard/keys").text
    assert evil not in owner.get("/dashboard/system").text
    assert evil not in owner.get("/dashboard/readings", query_string={"plate": evil, "camera": evil}).text
    assert "&lt;script&gt;" in owner.get("/dashboard/keys").text
    assert Targets(store).add("main", "https://example.com/?<b>", secret=new_secret())
    assert "?<b>" not in owner.get("/dashboard/webhooks").text


def test_browsers_are_led_to_the_dashboard_and_probes_are_not(client: FlaskClient, settings: Settings) -> None:
    led = client.get("/", headers={"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"})
    assert led.status_code == 302
    assert led.headers["Location"] == "/dashboard/"
    for accept in ("*/*", "application/json", None):
        answer = client.get("/", headers={"Accept": accept} if accept else {})
        assert answer.status_code == 200
        assert answer.get_json()["status"] == "ok"


def test_an_sdk_port_has_a_dashboard_and_keeps_its_root(settings: Settings) -> None:
    client = create_app(replace(settings, face="sdk")).test_client()
    assert client.get("/", headers={"Accept": "text/html"}).get_json()["status"] == "ok"
    assert client.get("/dashboard/sign-in").status_code == 302


def test_it_can_be_switched_off(settings: Settings) -> None:
    client = create_app(replace(settings, dashboard="off")).test_client()
    assert client.get("/dashboard/").status_code == 404
    assert client.get("/", headers={"Accept": "text/html"}).status_code == 200


def test_the_overview_tells_of_targets_that_the_service_gave_up(owner: FlaskClient, store: redis.Redis) -> None:
    targets = Targets(store)
    gone = targets.add("main", "https://example.invalid/gone")
    paused = targets.add("main", "https://example.invalid/paused")
    targets.switch_off(gone.id, "The receiver answered 410 Gone.")
    send(owner, f"/dashboard/webhooks/{paused.id}/switch", form=f"/dashboard/webhooks/{paused.id}", on="0")
    told = re.findall(r'class="notice bad" role="status">(.*?)</p>', owner.get("/dashboard/").text)
    assert len(told) == 1
    assert "The receiver answered 410 Gone." in told[0]
    assert f"/webhooks/{gone.id}" in told[0]
