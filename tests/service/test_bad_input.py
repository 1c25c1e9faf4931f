"""Each field of each API with what it cannot be: a 4xx that names the field, in that API's own shape."""

from __future__ import annotations

import base64
import dataclasses
import io
import json
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import quote

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from platehost.settings import Settings
from tests.service.test_errors import check
from web.app import create_app

JPEG = b"\xff\xd8\xff\xe0 the first bytes of a picture"
TEXT = base64.b64encode(JPEG).decode()

SNAPSHOT = "/v1/plate-reader/"
SDK_OLD = "/alpr"
NPR = "/api/v1/recognise"
BATCH = "/api/v1/batch"
CODEPROJECT = "/v1/vision/alpr"
WEBHOOKS = "/api/v1/webhooks"

HUGE = "x" * 100_000
BAD_UTF8 = b"\xff\xc0"
WHOLE = "non_field_errors"

# What a request to a path is: arguments of the test client.
Sent = Callable[[str], dict[str, Any]]


def form(field: str, value: str | bytes) -> Sent:
    """A multipart form with a picture, and the field as raw bytes."""

    def made(path: str) -> dict[str, Any]:
        raw = value if isinstance(value, bytes) else value.encode()
        picture = "file" if path == SDK_OLD else "images[]" if path == BATCH else "upload"
        parts = [(field, b"", raw)]
        if field not in {picture, "upload", "upload_url"}:
            parts.append((picture, b'; filename="a.jpg"', JPEG))
        body = b"".join(
            b'--limit\r\nContent-Disposition: form-data; name="%b"%b\r\n\r\n%b\r\n' % (name.encode(), more, content)
            for name, more, content in parts
        )
        return {"data": body + b"--limit--\r\n", "content_type": "multipart/form-data; boundary=limit"}

    return made


def urlencoded(field: str, value: bytes) -> Sent:
    rest = b"" if field in {"upload", "upload_url"} else b"upload=" + quote(TEXT).encode() + b"&"
    body = rest + field.encode() + b"=" + quote(value).encode()
    return lambda path: {"data": body, "content_type": "application/x-www-form-urlencoded"}


def member(field: str, value: Any) -> Sent:
    """A JSON object with a picture and the field."""
    picture = {} if field in {"upload", "upload_url"} else {"upload": TEXT}
    return lambda path: {"json": {**picture, field: value}}


def body(raw: bytes, kind: str = "application/json") -> Sent:
    return lambda path: {"data": raw, "content_type": kind}


def file(field: str, content: bytes) -> Sent:
    return lambda path: {"data": {field: (io.BytesIO(content), "a.jpg")}}


def parts(number: int) -> Sent:
    return lambda path: {"data": {f"field{each}": "x" for each in range(number)} | {"upload": (io.BytesIO(JPEG), "a")}}


WRONG_TYPES: dict[str, list[Any]] = {
    "upload": [7, True, [TEXT], {"a": 1}],
    "upload_url": [7, True, ["http://a.example"], {"a": 1}],
    "regions": [7, True, {"a": 1}, [["gb"]], [None], "x" * 200, ["gb", "x" * 33], "\u00a7$%&", "gb,*"],
    "camera_id": [True, ["a"], {"a": 1}],
    "timestamp": [True, ["2026-05-01"], {"a": 1}, 7],
    "mmc": [7, ["true"], {"a": 1}, "perhaps"],
    "direction": [7, ["true"], {"a": 1}, "north"],
    "config": [7, True, ["mode"], "mode", "{"],
}
CONFIG: dict[str, list[Any]] = {
    "threshold_d": [True, [], {}, "much", 2, -1, "9" * 400, "2" + " " * 1000],
    "threshold_o": [True, [], {}, "much", 2, -1, 10**400],
    "mode": [7, True, [], {}, "slow", HUGE],
    "detection_rule": [7, True, [], {}, "loose", HUGE],
    "detection_mode": [7, True, [], {}, "bird", HUGE],
    "region": [7, True, [], {}, "loose", HUGE],
    "text_formats": [7, True, {}, [7], ["[a-z"], ["(?a)(?u)x"], ["x" * 201], ["x"] * 51],
    "plates_per_vehicle": [True, [], {}, "many", 0, 1.5, 65, 1e99],
    "zoom_in_vehicles": [True, [], {}, "many", -1, 1.5, 65, 1e99],
}


def lookups() -> Iterator[tuple[str, Sent]]:
    """Bad requests to the Snapshot API, with the field that the answer names."""
    for field, values in WRONG_TYPES.items():
        for value in values:
            yield field, member(field, value)
    for key, values in CONFIG.items():
        for value in values:
            yield "config", member("config", {key: value})
            yield "config", form("config", json.dumps({key: value}))
    for field in ("upload_url", "camera_id", "timestamp", "mmc", "direction", "config"):
        yield field, form(field, HUGE)
        yield field, member(field, HUGE)
    yield "regions", form("regions", ",".join(FIFTY_ONE) + ",gb" * 1000)
    yield "regions", form("regions", HUGE)
    yield "regions", form("regions", "gb," + "x" * 200)
    yield "config", form("config", "[" * 100_000)
    yield "config", form("config", json.dumps({"mode": "fast"})[:-1] + ',"a":' * 3)
    for field in ("regions", "camera_id", "timestamp", "mmc", "direction", "config", "upload_url"):
        yield field, form(field, BAD_UTF8)
        yield field, urlencoded(field, BAD_UTF8)
    for field in ("regions", "camera_id"):
        yield field, member(field, "\ud800")
        yield field, member(field, "a\0b")
    for broken in ("§$%&", "aGVsbG8gd29ybGQ=", "a", "=", "data:image/jpeg;base64,", HUGE[:-3]):
        yield "upload", form("upload", broken)
        yield "upload", member("upload", broken)
    yield "upload", form("upload", BAD_UTF8)
    yield "upload", urlencoded("upload", BAD_UTF8)
    yield "upload", file("upload", b"")
    yield "upload", file("upload", b"no picture")
    for raw in (b"{", b"", b"\xff\xfe", b"[1]", b"7", b"null", b'"upload"', b"[" * 100_000, b'{"a": NaN', b"1" * 5000):
        yield WHOLE, body(raw)
    yield WHOLE, parts(3000)


FIFTY_ONE = [
    *("us-ar", "us-ca", "us-co", "us-ct", "us-de", "us-fl", "us-ga", "us-hi", "us-id", "us-il", "us-in", "us-ia"),
    *("us-ks", "us-ky", "us-la", "us-me", "us-md", "us-ma", "us-mi", "us-mn", "us-ms", "us-mo", "us-mt"),
    *("gb", "de", "fr", "nl", "be", "lu", "it", "es", "pt", "at", "ch", "cz", "pl", "sk", "hu", "ro"),
    *("bg", "gr", "hr", "dk", "se", "no", "fi", "ee", "lv", "lt", "ie", "is"),
]


def few(names: dict[str, list[Any]], *fields: str) -> Iterator[tuple[str, Sent]]:
    for field in fields:
        for value in names[field]:
            yield field, member(field, value)


def nprs() -> Iterator[tuple[str, Sent]]:
    yield from few(WRONG_TYPES, "upload", "regions")
    yield "upload_url", form("upload_url", "http://a.example/a.jpg")
    yield "regions", form("regions", BAD_UTF8)
    yield "regions", urlencoded("regions", BAD_UTF8)
    yield "regions", form("regions", ",".join(FIFTY_ONE))
    # Here `regions` is ours, so that what means nothing is told.
    yield "regions", form("regions", "zz")
    yield "regions", member("regions", ["gb", "nowhere"])
    for broken in ("§$%&", "aGVsbG8gd29ybGQ=", HUGE[:-3]):
        yield "upload", form("upload", broken)
    yield "upload", file("upload", b"no picture")
    for raw in (b"{", b"[1]", b"\xff\xfe", b"[" * 100_000):
        yield WHOLE, body(raw)
    yield WHOLE, parts(3000)


def batches() -> Iterator[tuple[str, Sent]]:
    yield "upload", lambda path: {"data": {"regions": "gb"}}
    yield "regions", form("regions", BAD_UTF8)
    yield "regions", form("regions", "zz")
    yield "regions", form("regions", "x" * 200)
    yield "images[]", lambda path: {"data": {"images[]": [(io.BytesIO(JPEG), "a.jpg") for _ in range(21)]}}
    yield WHOLE, body(b"{")
    yield WHOLE, parts(3000)


def codeprojects() -> Iterator[tuple[str, Sent]]:
    yield from few(WRONG_TYPES, "upload")
    for value in (True, ["0.5"], {"a": 1}, "much", 2, -1, "nan"):
        yield "min_confidence", member("min_confidence", value)
    for raw in (HUGE, BAD_UTF8, "-0.1", "1e999"):
        yield "min_confidence", form("min_confidence", raw)
    yield "upload", form("upload", "§$%&")
    yield "upload", file("upload", b"no picture")
    yield WHOLE, body(b"{")
    yield WHOLE, parts(3000)


def webhooks() -> Iterator[tuple[str, Sent]]:
    good = {"url": "https://example.com/hook"}
    wrong: dict[str, list[Any]] = {
        "url": [7, True, [], {}, None, HUGE, "ftp://a.example", "http://\ud800.example/"],
        "event": [7, True, [], "image.begun", HUGE],
        "format": [7, True, [], "xml", HUGE],
        "image": [7, True, [], "face", HUGE],
        "headers": [7, True, "a: b", {"a": 7}, {"a b": "c"}, {"a": "\ud800"}, {"a": HUGE}],
        "secret": [7, [], "short", HUGE],
        "mail": [7, True, [], "nobody"],
        "max_rate": ["fast", True, [], 1e9, -1],
        "max_in_flight": ["few", True, [], 1.5, 65, -1],
        "none": ["x"],
    }
    for field, values in wrong.items():
        for value in values:
            yield field, lambda path, sent={**good, field: value}: {"json": sent}  # type: ignore[misc]
    for raw in (b"{", b"[1]", b"\xff\xfe", b"[" * 100_000):
        yield WHOLE, body(raw)


TABLE = {
    SNAPSHOT: lookups,
    SDK_OLD: lookups,
    NPR: nprs,
    BATCH: batches,
    CODEPROJECT: codeprojects,
    WEBHOOKS: webhooks,
}


def names(answer: TestResponse, path: str, field: str) -> None:
    told = check(answer, 400)
    if path in {SNAPSHOT, SDK_OLD}:
        assert list(told) == [field]
        assert len(answer.text) < 1000
        return
    message = told["error"]["message"] if path.startswith("/api/v1/") else told["error"]
    assert len(message) < 1000
    if path.startswith("/api/v1/"):
        assert told["error"]["code"] == ("INVALID_IMAGE" if field == "upload" else "INVALID_REQUEST")
    if field != WHOLE and not (field == "upload" and path.startswith("/api/v1/")):
        assert field in message


@pytest.mark.parametrize("path", list(TABLE))
def test_each_field_with_what_it_cannot_be(settings: Settings, token: dict[str, str], path: str) -> None:
    face = "sdk" if path == SDK_OLD else "cloud"
    client = create_app(dataclasses.replace(settings, face=face, sync_window=0)).test_client()
    wrong: list[str] = []
    cases = list(TABLE[path]())
    assert len(cases) > 4
    for field, sent in cases:
        request = sent(path)
        if path == SDK_OLD and field == "upload" and isinstance(request.get("data"), dict):
            continue
        try:
            names(client.post(path, headers=token, **request), path, field)
        except AssertionError as error:
            wrong.append(f"{field}: {str(request)[:200]}: {str(error)[:300]}")
    assert not wrong, "\n".join(wrong)


def test_what_is_unknown_but_harmless_is_taken(settings: Settings, token: dict[str, str]) -> None:
    """Clients send codes and fields that this service does not know, and nulls and blanks for what they do not want."""
    client = create_app(dataclasses.replace(settings, sync_window=0)).test_client()
    for sent in (
        form("regions", "xx,zz,,;" + "nowhere," * 10_000),
        form("nothing", HUGE),
        form("mmc", ""),
        form("config", ""),
        form("timestamp", " "),
        member("regions", None),
        member("config", None),
        member("config", {"nothing": HUGE, "mode": None, "threshold_d": ""}),
        member("camera_id", None),
        member("camera_id", 7),
        member("nothing", {"a": [1]}),
    ):
        answer = client.post(SNAPSHOT, headers=token, **sent(SNAPSHOT))
        assert answer.status_code == 202, answer.text


@pytest.mark.parametrize("name", ["a" * 5000 + ".jpg", "../../etc/passwd", "Köln.jpg", 'a";b.jpg'])
def test_any_file_name_is_taken(client: FlaskClient, token: dict[str, str], name: str) -> None:
    raw = name.encode().replace(b'"', b"%22")
    sent = b'--limit\r\nContent-Disposition: form-data; name="upload"; filename="%b"\r\n\r\n%b\r\n--limit--\r\n'
    answer = client.post(
        SNAPSHOT, headers={**token, "Content-Type": "multipart/form-data; boundary=limit"}, data=sent % (raw, JPEG)
    )
    assert answer.status_code == 202, answer.text


def test_a_part_whose_header_is_not_utf_8_is_none(client: FlaskClient, token: dict[str, str]) -> None:
    sent = b'--limit\r\nContent-Disposition: form-data; name="upload"; filename="\xff.jpg"\r\n\r\n%b\r\n--limit--\r\n'
    kind = {"Content-Type": "multipart/form-data; boundary=limit"}
    for path in (SNAPSHOT, NPR, CODEPROJECT):
        names(client.post(path, headers={**token, **kind}, data=sent % JPEG), path, "upload")


@pytest.mark.parametrize(
    ("query", "field"),
    [("limit=x", "limit"), ("limit=0", "limit"), ("limit=" + "9" * 5000, "limit"), ("limit=%ff", "limit")],
)
def test_a_query_is_looked_at_too(client: FlaskClient, token: dict[str, str], query: str, field: str) -> None:
    target = client.post(WEBHOOKS, headers=token, json={"url": "https://example.com/hook"}).get_json()["webhook"]["id"]
    names(client.get(f"{WEBHOOKS}/{target}/attempts?{query}", headers=token), WEBHOOKS, field)


@pytest.mark.parametrize("sent", [{}, {"delivery": 7}, {"since": []}, {"since": HUGE}, {"delivery": "a", "since": "b"}])
def test_a_replay_of_nonsense_is_refused(client: FlaskClient, token: dict[str, str], sent: dict[str, Any]) -> None:
    target = client.post(WEBHOOKS, headers=token, json={"url": "https://example.com/hook"}).get_json()["webhook"]["id"]
    answer = client.post(f"{WEBHOOKS}/{target}/replay", headers=token, json=sent)
    told = check(answer, 404 if sent.keys() == {"delivery"} else 400)
    assert len(told["error"]["message"]) < 1000
    assert any(field in told["error"]["message"] for field in ("delivery", "since"))


@pytest.mark.parametrize("job", ["x" * 5000, "..%2F..", "%ff", "a b", "*"])
def test_an_odd_job_is_none(client: FlaskClient, token: dict[str, str], job: str) -> None:
    for method in ("GET", "DELETE"):
        check(client.open(f"/api/v1/jobs/{job}", method=method, headers=token), 404)


@pytest.mark.parametrize("text", ["Token \xff\xfe", "Token " + "x" * 5000, "Token a b", "\xff", "Bearer", "Token\ta"])
def test_an_odd_key_is_wrong(client: FlaskClient, text: str) -> None:
    for path in (SNAPSHOT, NPR, CODEPROJECT):
        check(client.post(path, headers={"Authorization": text}), 401 if path == NPR else 403)
