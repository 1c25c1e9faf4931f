"""Keys that ended, on every face, and what is noted of those in use."""

from __future__ import annotations

import io
import time
from datetime import UTC, datetime, timedelta

import pytest
import redis
from flask.testing import FlaskClient

from platehost.accounts import Accounts
from platehost.keys import KEY_PREFIX, digest_of

JPEG = b"\xff\xd8\xff"
PATHS = ("/v1/plate-reader/", "/v1/vision/alpr", "/api/v1/recognise", "/api/v1/batch")


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("end", ["revoked", "expired", "removed"])
def test_a_key_that_ended_is_answered_like_a_wrong_one(
    client: FlaskClient, store: redis.Redis, path: str, end: str
) -> None:
    accounts = Accounts(store)
    accounts.add("north")
    key = accounts.create_key("gate", "north", expires_at=datetime.now(UTC) + timedelta(days=1))

    def send(key: str) -> tuple[int, object]:
        parts = {name: (io.BytesIO(JPEG), "a.jpg") for name in ("upload", "images[]")}
        answer = client.post(path, headers={"Authorization": f"Bearer {key}"}, data=parts)
        return answer.status_code, answer.get_json()

    assert send(key)[0] == 202
    if end == "revoked":
        assert accounts.revoke_key(accounts.list_keys()[0].id)
    elif end == "expired":
        store.hset(KEY_PREFIX + digest_of(key), "expires", int(time.time()))
    else:
        accounts.remove("north", with_keys=True)
    assert send(key) == send("0" * 40)
    npr = {"success": False, "error": {"code": "INVALID_API_KEY", "message": "Invalid token."}}
    bodies = {
        "/v1/plate-reader/": (403, {"detail": "Invalid token.", "status_code": 403}),
        "/v1/vision/alpr": (403, {"success": False, "error": "Invalid token.", "code": 403}),
    }
    assert send(key) == bodies.get(path, (401, npr))


def test_a_request_notes_that_its_key_was_used(client: FlaskClient, key: str, store: redis.Redis) -> None:
    assert Accounts(store).list_keys()[0].last_used is None
    client.get("/v1/statistics/", headers={"Authorization": f"Token {key}"})
    used = Accounts(store).list_keys()[0].last_used
    assert used is not None
    assert abs((datetime.now(UTC) - used).total_seconds()) < 60


def test_a_refused_key_notes_no_use(client: FlaskClient, key: str, store: redis.Redis) -> None:
    Accounts(store).revoke_key(Accounts(store).list_keys()[0].id)
    assert client.get("/v1/statistics/", headers={"Authorization": f"Token {key}"}).status_code == 403
    assert Accounts(store).list_keys()[0].last_used is None
