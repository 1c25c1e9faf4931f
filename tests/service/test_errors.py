"""Every error of every route is JSON in its API's own envelope, with the right status: held here, in one place."""

from __future__ import annotations

import dataclasses
import io
import re
from typing import Any

import pytest
import redis
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from platehost.accounts import Accounts
from platehost.jobs import CANCELLED, Jobs
from platehost.reading import Failure, Reading
from platehost.settings import Settings
from tests.service.support import free_port
from web.app import create_app
from web.auth import OPEN_BLUEPRINTS

SNAPSHOT = "/v1/plate-reader/"
NPR = "/api/v1/recognise"
CODEPROJECT = "/v1/vision/alpr"
PICTURES = (SNAPSHOT, NPR, CODEPROJECT)
JOB = "/api/v1/jobs/none"
JPEG = b"\xff\xd8\xff\xe0 the first bytes of a picture"

NPR_CODES = {
    400: {"INVALID_IMAGE", "INVALID_REQUEST"},
    401: {"INVALID_API_KEY"},
    404: {"NOT_FOUND"},
    405: {"METHOD_NOT_ALLOWED"},
    409: {"JOB_CANCELLED"},
    413: {"IMAGE_TOO_LARGE"},
    415: {"UNSUPPORTED_MEDIA_TYPE"},
    422: {"NO_PLATES_FOUND"},
    429: {"RATE_LIMIT_EXCEEDED"},
    500: {"INTERNAL_ERROR"},
    503: {"SERVICE_UNAVAILABLE"},
}


def check(answer: TestResponse, status: int) -> dict[str, Any]:
    """The body, after the envelope was checked."""
    assert answer.status_code == status, answer.text
    assert answer.content_type == "application/json"
    body: dict[str, Any] = answer.get_json()
    if answer.request.path.startswith("/api/v1"):
        assert set(body) == {"success", "error"}
        assert body["success"] is False
        assert set(body["error"]) == {"code", "message"}
        assert body["error"]["code"] in NPR_CODES[status]
        assert body["error"]["message"]
        for name in ("Limit", "Remaining", "Reset"):
            assert answer.headers[f"X-RateLimit-{name}"].isdigit()
    elif answer.request.path.startswith(("/v1/vision", "/v1/image")):
        assert set(body) == {"success", "error", "code"}
        assert body["success"] is False
        assert body["code"] == status
        assert body["error"]
    elif status == 400:
        ((field, messages),) = body.items()
        assert isinstance(field, str)
        assert all(isinstance(message, str) and message for message in messages)
    else:
        assert body["status_code"] == status
        assert isinstance(body["detail"], str)
        assert ("error" in body) == (status == 413)
    if status in {429, 503}:
        assert int(answer.headers["Retry-After"]) >= 1
    assert "Traceback" not in answer.text
    return body


def protected_routes(app: Flask) -> list[tuple[str, str]]:
    """Method and path of every route that needs a key."""
    routes = []
    for rule in app.url_map.iter_rules():
        if rule.endpoint.split(".")[0] not in OPEN_BLUEPRINTS:
            path = re.sub(r"<\w+>", "none", re.sub(r"<int:\w+>", "1", rule.rule))
            routes += [(method, path) for method in (rule.methods or set()) - {"OPTIONS", "HEAD"}]
    return routes


def test_no_key_and_wrong_keys(app: Flask, client: FlaskClient, store: redis.Redis) -> None:
    accounts = Accounts(store)
    revoked = accounts.create_key("revoked")
    assert accounts.revoke_key(accounts.list_keys()[0].id)
    routes = protected_routes(app)
    assert len(routes) >= 3
    for method, path in routes:
        status = 401 if path.startswith("/api/v1") else 403
        headers = [
            {},
            *({"Authorization": text} for text in ("Token wrong", f"Token {revoked}", "Basic eDp5", "Token")),
        ]
        for each in headers:
            body = check(client.open(path, method=method, headers=each), status)
            if not each and status == 403 and "detail" in body:
                assert body == {"detail": "Authentication credentials were not provided.", "status_code": 403}
        body = check(client.open(path, method=method, headers={"Authorization": "Token wrong"}), status)
        if status == 403 and "detail" in body:
            assert body == {"detail": "Invalid token.", "status_code": 403}
        elif status == 401:
            answer = client.open(path, method=method, headers={"Authorization": "Bearer wrong"})
            assert answer.headers["WWW-Authenticate"] == "Bearer"


def test_unknown_paths_and_methods(app: Flask, client: FlaskClient, settings: Settings, token: dict[str, str]) -> None:
    sdk = create_app(dataclasses.replace(settings, face="sdk")).test_client()
    for path in ("/v1/nothing", "/api/v1/nothing", "/api/v1", "/nothing"):
        check(client.get(path, headers=token), 404)
    check(client.get("/api/v1/jobs/none", headers=token), 404)
    for method, path in [*protected_routes(app), ("POST", "/alpr"), ("GET", "/info/")]:
        asked = sdk if path in {"/alpr", "/info/"} else client
        answer = asked.open(path, method="PROPFIND", headers=token)
        check(answer, 405)
        assert method in answer.headers["Allow"]


BAD_UPLOADS: dict[str, tuple[str, dict[str, Any]]] = {
    "nothing": ("upload", {}),
    "an empty form": ("upload", {"data": {}}),
    "an empty file": ("upload", {"data": {"upload": (b"", "a.jpg")}}),
    "text": ("upload", {"data": {"upload": (b"no picture", "a.jpg")}}),
    "no base64": ("upload", {"data": {"upload": "§$%&"}}),
    "base64 of text": ("upload", {"data": {"upload": "aGVsbG8gd29ybGQ="}}),
    "a number": ("upload", {"json": {"upload": 7}}),
    "an empty object": ("upload", {"json": {}}),
    "a URL of this machine": ("upload_url", {"data": {"upload_url": "http://127.0.0.1:1/car.jpg"}}),
    "a URL of another scheme": ("upload_url", {"data": {"upload_url": "file:///etc/passwd"}}),
    "a URL with a password": ("upload_url", {"data": {"upload_url": "http://me:secret@a.example/car.jpg"}}),
    "a URL of any length": ("upload_url", {"data": {"upload_url": "http://a.example/" + "x" * 5000}}),
    "no URL": ("upload_url", {"json": {"upload_url": "http://["}}),
    "a URL as a list": ("upload_url", {"json": {"upload_url": ["http://a.example"]}}),
    "a list": ("non_field_errors", {"json": [1]}),
    "broken JSON": ("non_field_errors", {"data": "{", "content_type": "application/json"}),
    "deep JSON": ("non_field_errors", {"data": "[" * 100_000, "content_type": "application/json"}),
}


def with_files(request: dict[str, Any]) -> dict[str, Any]:
    data = request.get("data")
    if isinstance(data, dict):
        files = {name: (io.BytesIO(v[0]), v[1]) if isinstance(v, tuple) else v for name, v in data.items()}
        return {**request, "data": files}
    return request


@pytest.mark.parametrize("kind", list(BAD_UPLOADS))
def test_bad_uploads_name_the_field(client: FlaskClient, token: dict[str, str], kind: str) -> None:
    field, request = BAD_UPLOADS[kind]
    assert list(check(client.post(SNAPSHOT, headers=token, **with_files(request)), 400)) == [field]
    body = check(client.post(NPR, headers=token, **with_files(request)), 400)
    assert body["error"]["code"] == ("INVALID_IMAGE" if field == "upload" else "INVALID_REQUEST")


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("mmc", "perhaps"),
        ("direction", "north"),
        ("config", "{"),
        ("config", "[]"),
        ("config", "7"),
        ("config", '{"threshold_d": 2}'),
        ("config", '{"threshold_o": "much"}'),
        ("config", '{"threshold_o": NaN}'),
        ("config", '{"mode": "slow"}'),
        ("config", '{"region": true}'),
        ("config", '{"detection_rule": "loose"}'),
        ("config", '{"detection_mode": "bird"}'),
        ("config", '{"plates_per_vehicle": 0}'),
        ("config", '{"zoom_in_vehicles": 1e99}'),
        ("config", '{"text_formats": ["[a-z"]}'),
        ("config", '{"text_formats": ["(?a)(?u)x"]}'),
        ("config", '{"text_formats": 7}'),
        ("config", "[" * 100_000),
        ("timestamp", "yesterday"),
        ("timestamp", "9999-99-99T00:00:00"),
        ("timestamp", "0001-01-01T00:00:00+14:00"),
        ("timestamp", "2" * 1000),
        ("camera_id", "x" * 501),
    ],
)
def test_bad_fields_are_named(client: FlaskClient, token: dict[str, str], field: str, value: str) -> None:
    answer = client.post(SNAPSHOT, headers=token, data={"upload": (_file(JPEG), "a.jpg"), field: value})
    assert list(check(answer, 400)) == [field]


def _file(content: bytes) -> Any:
    return io.BytesIO(content)


def test_a_media_type_that_is_no_form(client: FlaskClient, token: dict[str, str]) -> None:
    for path in (*PICTURES, "/api/v1/batch"):
        check(client.post(path, headers=token, data=JPEG, content_type="image/jpeg"), 415)


def test_too_large_uploads(client: FlaskClient, token: dict[str, str]) -> None:
    for size in (1_100_000, 3_000_000):
        for path in PICTURES:
            answer = client.post(path, headers=token, data={"upload": (_file(JPEG + bytes(size)), "a.jpg")})
            body = check(answer, 413)
            assert "1 MB" in str(body)
    answer = client.post(SNAPSHOT, headers=token, data={"upload": (_file(JPEG + bytes(3_000_000)), "a.jpg")})
    assert answer.get_json()["error"] == "Invalid file. See https://app.platerecognizer.com/upload-limit/"


def test_a_full_queue(settings: Settings, store: redis.Redis, token: dict[str, str]) -> None:
    client = create_app(dataclasses.replace(settings, queue_limit=1, sync_window=0)).test_client()
    assert client.post(SNAPSHOT, headers=token, data={"upload": (_file(JPEG), "a.jpg")}).status_code == 202
    for path in PICTURES:
        check(client.post(path, headers=token, data={"upload": (_file(JPEG), "a.jpg")}), 503)
    assert store.llen("rq:queue:recognise") == 1


@pytest.mark.parametrize("face", ["cloud", "sdk"])
def test_no_store(settings: Settings, face: str) -> None:
    away = dataclasses.replace(settings, redis_url=f"redis://127.0.0.1:{free_port()}/0", face=face)
    client = create_app(away).test_client()
    for method, path in protected_routes(client.application):
        sent = {"data": {"upload": (_file(JPEG), "a.jpg")}} if method == "POST" else {}
        check(client.open(path, method=method, headers={"Authorization": "Token x"}, **sent), 503)
    assert client.get("/healthz").status_code == 200
    ready = client.get("/readyz")
    assert ready.status_code == 503
    assert "not reachable" in ready.get_json()["checks"]["store"]


def test_a_full_store(client: FlaskClient, token: dict[str, str], store: redis.Redis) -> None:
    before = store.config_get("maxmemory")["maxmemory"]
    store.config_set("maxmemory", 1)
    try:
        for path in PICTURES:
            check(client.post(path, headers=token, data={"upload": (_file(JPEG), "a.jpg")}), 503)
    finally:
        store.config_set("maxmemory", before)


def test_an_unforeseen_error_says_nothing_of_its_cause(
    client: FlaskClient, token: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*arguments: object) -> None:
        raise KeyError("a secret of the inside")

    monkeypatch.setattr(Jobs, "submit", fail)
    for path in PICTURES:
        answer = client.post(path, headers=token, data={"upload": (_file(JPEG), "a.jpg")})
        check(answer, 500)
        assert "secret" not in answer.text


@pytest.mark.parametrize("face", ["cloud", "sdk"])
def test_an_unforeseen_error_of_any_route(settings: Settings, token: dict[str, str], face: str) -> None:
    app = create_app(dataclasses.replace(settings, face=face))

    def fail(**arguments: object) -> None:
        raise KeyError("a secret of the inside")

    routes = protected_routes(app)
    for rule in app.url_map.iter_rules():
        app.view_functions[rule.endpoint] = fail
    for method, path in routes:
        answer = app.test_client().open(path, method=method, headers=token)
        check(answer, 500)
        assert "secret" not in answer.text


@pytest.mark.parametrize(
    ("code", "status"),
    [
        ("image_too_large", 413),
        ("unsupported_format", 400),
        ("truncated_image", 400),
        ("corrupt_image", 400),
        ("image_too_small", 400),
        ("invalid_option", 400),
        (CANCELLED, 409),
        ("picture_gone", 503),
        ("deadline_exceeded", 503),
        ("job_failed", 500),
    ],
)
def test_every_way_in_which_a_picture_has_no_reading(
    settings: Settings, token: dict[str, str], monkeypatch: pytest.MonkeyPatch, code: str, status: int
) -> None:
    monkeypatch.setattr(Jobs, "wait", lambda *arguments: Failure(code, "It went wrong."))
    sdk = create_app(dataclasses.replace(settings, face="sdk")).test_client()
    cloud = create_app(settings).test_client()
    for client, path in [(cloud, path) for path in PICTURES] + [
        (sdk, path) for path in (SNAPSHOT, "/alpr", CODEPROJECT)
    ]:
        answer = client.post(path, headers=token, data={"upload": (_file(JPEG), "a.jpg")})
        assert "It went wrong." in str(check(answer, status))
        assert answer.headers["X-Job-Id"]
    # In a batch, each picture is answered as it would have been alone.
    answer = cloud.post("/api/v1/batch", headers=token, data={"images": (_file(JPEG), "a.jpg")})
    assert answer.status_code == 200
    (told,) = answer.get_json()["results"]
    assert told["error"]["code"] in NPR_CODES[status]


def test_no_plates_is_an_error_of_one_api_alone(
    settings: Settings, token: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Jobs, "wait", lambda *arguments: Reading(640, 480))
    client = create_app(settings).test_client()

    def send(path: str) -> TestResponse:
        return client.post(path, headers=token, data={"upload": (_file(JPEG), "a.jpg")})

    check(send(NPR), 422)
    assert send(SNAPSHOT).get_json()["results"] == []
    assert send(CODEPROJECT).get_json()["predictions"] == []


def test_too_many_requests(settings: Settings, token: dict[str, str]) -> None:
    app = create_app(dataclasses.replace(settings, rate_limit="3 per hour", sync_window=0))
    client = app.test_client()

    def send(path: str) -> TestResponse:
        return client.post(path, headers=token, data={"upload": (_file(JPEG), "a.jpg")})

    remaining = [send(NPR).headers["X-RateLimit-Remaining"] for _ in range(2)]
    assert remaining == ["2", "1"]
    assert send(SNAPSHOT).status_code == 202  # both faces share the key's limit
    body = check(send(SNAPSHOT), 429)
    assert body["detail"].startswith("Request was throttled. Expected available in ")
    check(send(CODEPROJECT), 429)
    answer = send(NPR)
    check(answer, 429)
    assert answer.headers["X-RateLimit-Limit"] == "3"
    assert answer.headers["X-RateLimit-Remaining"] == "0"
    # Looking after a job is not limited, but its answer tells how things stand.
    answer = client.get(JOB, headers=token)
    check(answer, 404)
    assert answer.headers["X-RateLimit-Remaining"] == "0"
