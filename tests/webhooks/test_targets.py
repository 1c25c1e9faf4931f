"""What a target may be, and that changes from several sides do not undo each other."""

from __future__ import annotations

import base64
import json
import threading
from dataclasses import replace
from typing import Any

import pytest
import redis

from platehost.targets import PREFIX, TargetError, Targets, from_json, new_secret, normal_secret

URL = "https://example.com/hook?a=b"


@pytest.fixture
def targets(store: redis.Redis) -> Targets:
    return Targets(store)


def test_what_is_added_is_listed(targets: Targets) -> None:
    first = targets.add("main", URL)
    second = targets.add("main", URL, image="plate", headers={"Authorization": "Token abc"}, mail="a@example.com")
    targets.add("other", URL)
    assert targets.list("main") == [first, second]
    assert [each.account for each in targets.list_all()] == ["main", "main", "other"]
    assert (first.format, first.image) == ("json", "none")
    assert (second.format, second.image) == ("multipart", "plate")
    assert targets.add("main", URL, format="multipart").image == "original"
    assert isinstance(first.id, int)
    assert first.id < second.id


def test_ids_are_never_used_again(targets: Targets) -> None:
    first = targets.add("main", URL)
    assert targets.remove(first.id)
    assert not targets.remove(first.id)
    assert targets.get(first.id) is None
    assert targets.add("main", URL).id > first.id


@pytest.mark.parametrize(
    ("field", "fields"),
    [
        ("url", {"url": "ftp://example.com/"}),
        ("url", {"url": "example.com"}),
        ("url", {"url": "http://"}),
        ("url", {"url": "http://user:password@example.com/"}),
        ("url", {"url": "http://example.com:99999/"}),
        ("url", {"url": "http://example.com/a b"}),
        ("url", {"url": "http://example.com/\r\nX: y"}),
        ("url", {"url": "http://[::1/"}),
        ("url", {"url": "http://example.com/" + "a" * 2000}),
        ("event", {"event": "image.started"}),
        ("format", {"format": "xml"}),
        ("image", {"image": "face"}),
        ("image", {"format": "json", "image": "original"}),
        ("headers", {"headers": {"Content-Type": "text/plain"}}),
        ("headers", {"headers": {"Webhook-Id": "1"}}),
        ("headers", {"headers": {"X Y": "1"}}),
        ("headers", {"headers": {"X": "1\r\nY: 2"}}),
        ("headers", {"headers": {"X": "\u20ac"}}),
        ("headers", {"headers": {f"X{n}": "1" for n in range(21)}}),
        ("secret", {"secret": "short"}),
        ("secret", {"secret": "whsec_" + base64.b64encode(b"a" * 23).decode()}),
        ("secret", {"secret": "whsec_" + base64.b64encode(b"a" * 65).decode()}),
        ("mail", {"mail": "nobody"}),
        ("max_rate", {"max_rate": -1.0}),
        ("max_rate", {"max_rate": 0.001}),
        ("max_rate", {"max_rate": float("nan")}),
        ("max_rate", {"max_rate": 10_001}),
        ("max_in_flight", {"max_in_flight": -1}),
        ("max_in_flight", {"max_in_flight": 65}),
        ("mail", {"mail": "a@example.com,b@example.com"}),
    ],
)
def test_a_bad_target_is_told_by_its_field(targets: Targets, field: str, fields: dict[str, Any]) -> None:
    with pytest.raises(TargetError) as caught:
        targets.add("main", **{"url": URL, **fields})
    assert caught.value.field == field
    assert targets.list_all() == []


def test_secrets_are_normal(targets: Targets) -> None:
    raw = base64.b64encode(b"a" * 24).decode()
    assert normal_secret(raw) == normal_secret(f" whsec_{raw}") == f"whsec_{raw}"
    assert len(base64.b64decode(new_secret().removeprefix("whsec_"))) == 32
    assert new_secret() != new_secret()


def test_a_description_holds_no_secret(targets: Targets) -> None:
    target = targets.add("main", URL, secret=new_secret(), headers={"Authorization": "Token abc"})
    told = json.dumps(target.described())
    assert target.secret not in told
    assert "abc" not in told
    assert target.described()["headers"] == ["Authorization"]
    assert target.described()["signed"] is True


def test_a_new_secret_signs_beside_the_old_one_for_a_time(targets: Targets) -> None:
    old = targets.add("main", URL, secret=new_secret())
    turned = targets.rotate(old.id, 100)
    assert turned
    assert turned.secrets_at(turned.old_secret_until - 1) == [turned.secret, old.secret]
    assert turned.secrets_at(turned.old_secret_until) == [turned.secret]
    assert targets.rotate(999, 100) is None


def test_changes_from_several_sides_do_not_undo_each_other(targets: Targets, store: redis.Redis) -> None:
    target = targets.add("main", URL)

    def add_header(name: str) -> None:
        targets.change(target.id, lambda known: replace(known, headers={**known.headers, name: "1"}))

    sides = [threading.Thread(target=add_header, args=(f"X{number}",)) for number in range(8)]
    for side in sides:
        side.start()
    for side in sides:
        side.join()
    changed = targets.get(target.id)
    assert changed
    assert len(changed.headers) == 8


def test_a_target_of_an_older_version_has_no_limits_of_its_own(targets: Targets, store: redis.Redis) -> None:
    target = targets.add("main", URL, max_rate=2.5, max_in_flight=1)
    assert targets.get(target.id) == target
    stored = json.loads(store.hget(PREFIX + "main", str(target.id)))  # type: ignore[arg-type]
    del stored["max_rate"], stored["max_in_flight"]
    assert from_json(json.dumps(stored)) == replace(target, max_rate=0.0, max_in_flight=0)


def test_members_of_a_newer_version_are_ignored(targets: Targets, store: redis.Redis) -> None:
    target = targets.add("main", URL)
    stored = json.loads(store.hget(PREFIX + "main", str(target.id)))  # type: ignore[arg-type]
    assert from_json(json.dumps({**stored, "colour": "red"})) == target
