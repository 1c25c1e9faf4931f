"""Who gets in: passwords, the first owner, and how often one may try."""

from __future__ import annotations

import pytest
import redis
from flask import Flask
from flask.testing import FlaskClient

from platehost import users
from platehost.audit import Audit
from platehost.setup_code import CODE
from platehost.users import Users
from tests.dashboard.support import MEMBER, OWNER, PASSWORD, send, sign_in, token
from web.dashboard.attempts import PER_ADDRESS, PER_NAME

SETUP = "/dashboard/setup"


def test_a_page_sends_strangers_to_sign_in_and_back(client: FlaskClient, people: Users) -> None:
    answer = client.get("/dashboard/keys?x=1")
    assert answer.status_code == 302
    assert answer.headers["Location"] == "/dashboard/sign-in?next=/dashboard/keys?x%3D1"
    signed_in = sign_in(client, next="/dashboard/keys?x=1")
    assert signed_in.headers["Location"] == "/dashboard/keys?x=1"
    assert client.get("/dashboard/keys").status_code == 200


def test_sign_in_leads_nowhere_else(app: Flask, people: Users) -> None:
    for wanted in ("https://evil.example/", "//evil.example/", "/dashboard//evil.example", "/dashboard/\\evil", "/v1/"):
        answer = sign_in(app.test_client(), next=wanted)
        assert answer.headers["Location"] == "/dashboard/", wanted


def test_a_wrong_name_and_a_wrong_password_look_the_same(app: Flask, people: Users) -> None:
    known = sign_in(app.test_client(), OWNER, "a wrong password")
    unknown = sign_in(app.test_client(), "nobody", "a wrong password")
    assert known.status_code == unknown.status_code == 401

    def plain(text: str, name: str) -> str:
        return text.replace(f'value="{name}"', 'value=""').replace(
            text.split('csrf_token" value="')[1].split('"')[0], ""
        )

    assert plain(known.text, OWNER) == plain(unknown.text, "nobody")


def test_an_unknown_name_costs_as_much_as_a_known_one(people: Users, monkeypatch: pytest.MonkeyPatch) -> None:
    verified: list[str] = []
    real = users._matches
    monkeypatch.setattr(users, "_matches", lambda hashed, text: verified.append(hashed[:20]) or real(hashed, text))
    assert people.check(OWNER, "a wrong password") is None
    assert people.check("nobody", "a wrong password") is None
    # One verification each, by hashes with the same parameters.
    assert len(verified) == 2
    assert verified[0] == verified[1]
    assert verified[0].startswith("$argon2id$")


@pytest.mark.parametrize("name", [OWNER, "nobody"])
def test_a_name_may_be_tried_only_so_often(app: Flask, people: Users, name: str) -> None:
    for number in range(PER_NAME.amount):
        client = app.test_client()
        client.environ_base["REMOTE_ADDR"] = f"192.0.2.{number}"
        assert sign_in(client, name, "a wrong password").status_code == 401
    # The right password does not help any more.
    assert sign_in(app.test_client(), name, PASSWORD).status_code == 429


def test_an_address_may_try_only_so_often(app: Flask, people: Users) -> None:
    for number in range(PER_ADDRESS.amount):
        assert sign_in(app.test_client(), f"user{number}", "a wrong password").status_code == 401
    assert sign_in(app.test_client()).status_code == 429
    other = app.test_client()
    other.environ_base["REMOTE_ADDR"] = "192.0.2.7"
    assert sign_in(other).status_code == 302


def test_a_right_password_forgives_wrong_ones(app: Flask, people: Users) -> None:
    for _ in range(PER_NAME.amount - 1):
        sign_in(app.test_client(), OWNER, "a wrong password")
    assert sign_in(app.test_client()).status_code == 302
    assert sign_in(app.test_client(), OWNER, "a wrong password").status_code == 401


def test_a_name_counts_in_any_case(client: FlaskClient, people: Users) -> None:
    assert sign_in(client, " ADA ").status_code == 302


def test_every_sign_in_leaves_a_line_without_the_password(app: Flask, people: Users, store: redis.Redis) -> None:
    sign_in(app.test_client())
    sign_in(app.test_client(), "nobody", "a wrong password")
    lines = Audit(store).latest()
    assert [(line.who, line.what) for line in lines] == [("nobody", "sign-in failed"), (OWNER, "signed in")]
    kept = b"".join(store.lrange("platehost:audit", 0, -1))
    assert PASSWORD.encode() not in kept
    assert b"a wrong password" not in kept
    assert b"127.0.0.1" in kept


def test_the_first_owner_needs_the_code_of_the_log(client: FlaskClient, store: redis.Redis) -> None:
    assert client.get("/dashboard/sign-in").headers["Location"] == SETUP
    fields = {"name": "Ada", "password": PASSWORD, "again": PASSWORD}
    assert send(client, SETUP, code="AAAA-AAAA-AAAA", **fields).status_code == 403
    assert not Users(store).exist()
    code = store.get(CODE).decode()
    assert send(client, SETUP, code=code, **{**fields, "again": "other words"}).status_code == 400
    made = send(client, SETUP, code=code.lower().replace("-", " "), **fields)
    assert made.headers["Location"] == "/dashboard/"
    owner = Users(store).get("ada")
    assert owner is not None
    assert (owner.role, owner.account) == ("owner", "main")
    # Signed in, the code gone, and the page with it.
    assert client.get("/dashboard/members").status_code == 200
    assert store.get(CODE) is None
    assert client.get(SETUP).status_code == 404


def test_the_code_is_logged_for_the_operator(
    client: FlaskClient, store: redis.Redis, caplog: pytest.LogCaptureFixture
) -> None:
    client.get(SETUP)
    client.get(SETUP)
    said = [record for record in caplog.records if record.name == "setup"]
    assert len(said) == 1
    assert said[0].fields["code"] == store.get(CODE).decode()


def test_nobody_sets_up_a_second_time(client: FlaskClient, people: Users, store: redis.Redis) -> None:
    store.set(CODE, "ABCD-EFGH-JKLM")
    page = client.get("/dashboard/sign-in")
    fields = {
        "csrf_token": token(page),
        "code": "ABCD-EFGH-JKLM",
        "name": "eve",
        "password": PASSWORD,
        "again": PASSWORD,
    }
    assert client.post(SETUP, data=fields).status_code == 404
    assert people.get("eve") is None
    assert people.add_first("eve", PASSWORD) is None


def test_a_set_up_code_may_be_guessed_only_so_often(app: Flask, store: redis.Redis) -> None:
    fields = {"name": "eve", "password": PASSWORD, "again": PASSWORD}
    for number in range(PER_NAME.amount):
        client = app.test_client()
        client.environ_base["REMOTE_ADDR"] = f"192.0.2.{number}"
        assert send(client, SETUP, code=f"AAAA-AAAA-{number:04}", **fields).status_code == 403
    assert send(app.test_client(), SETUP, code=store.get(CODE).decode(), **fields).status_code == 429


def test_a_new_password_ends_the_other_sessions(app: Flask, owner: FlaskClient) -> None:
    other = app.test_client()
    sign_in(other)
    fields = {"current": PASSWORD, "password": "other words here", "again": "other words here"}
    assert send(owner, "/dashboard/password", **{**fields, "current": "wrong words"}).status_code == 400
    assert other.get("/dashboard/").status_code == 200
    assert send(owner, "/dashboard/password", **fields).status_code == 302
    assert owner.get("/dashboard/").status_code == 200
    assert other.get("/dashboard/").status_code == 302
    assert sign_in(app.test_client()).status_code == 401
    assert sign_in(app.test_client(), OWNER, "other words here").status_code == 302


def test_a_removed_member_is_out_at_once(owner: FlaskClient, member: FlaskClient) -> None:
    assert member.get("/dashboard/").status_code == 200
    assert send(owner, f"/dashboard/members/{MEMBER}/remove", form="/dashboard/members").status_code == 302
    assert member.get("/dashboard/").status_code == 302


def test_strangers_push_no_line_of_a_member_out(store: redis.Redis, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("platehost.audit.KEPT_OF_STRANGERS", 3)
    audit = Audit(store)
    audit.note("key revoked", who="anna", account="main")
    for number in range(5):
        audit.note("sign-in failed", who=f"stranger{number}", account="")
    audit.note("signed in", who="anna", account="main")
    assert [line.who for line in audit.latest()] == ["anna", "stranger4", "stranger3", "stranger2", "anna"]
    assert [line.who for line in audit.latest(2)] == ["anna", "stranger4"]


def test_a_restored_secret_counts_without_a_restart(client: FlaskClient, people: Users, store: redis.Redis) -> None:
    client.get("/dashboard/sign-in")
    store.set("platehost:dashboard:secret", "brought by a back-up")
    client.get("/dashboard/sign-in")
    assert client.application.secret_key == "brought by a back-up"
