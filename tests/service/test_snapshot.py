"""POST /v1/plate-reader/ of the running service: success in the shape that clients index."""

from __future__ import annotations

import base64
import http.client
import json
import re
import socket
from typing import Any
from urllib.parse import urlencode

import pytest
import requests

from tests.service.support import SAMPLE_PLATE, Processes


def post(running: Processes, key: str, path: str = "/v1/plate-reader/", **rest: Any) -> requests.Response:
    return requests.post(
        running.url + path, headers={"Authorization": f"Token {key}"}, timeout=30, allow_redirects=False, **rest
    )


def test_it_reads_a_picture(running: Processes, running_key: str, photo: bytes) -> None:
    answer = post(running, running_key, files={"upload": ("car.jpg", photo)}, data={"camera_id": "gate 1"})
    assert answer.status_code == 201
    body = answer.json()
    assert list(body) == [
        "processing_time",
        "results",
        "filename",
        "version",
        "camera_id",
        "timestamp",
        "image_width",
        "image_height",
    ]
    assert body["processing_time"] > 0
    assert body["version"] == 1
    assert body["camera_id"] == "gate 1"
    assert re.fullmatch(r"\d{4}_[A-Z0-9]{5}_car\.jpg", body["filename"])
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z", body["timestamp"])
    assert (body["image_width"], body["image_height"]) == (1280, 720)
    (result,) = body["results"]
    assert result["plate"] == SAMPLE_PLATE
    assert result["candidates"][0] == {"score": result["score"], "plate": SAMPLE_PLATE}
    assert 0.6 <= result["score"] <= 1
    assert 0.2 <= result["dscore"] <= 1
    assert set(result["region"]) == {"code", "score"}
    assert set(result["vehicle"]) == {"score", "type", "box"}
    box = result["box"]
    assert all(type(side) is int for side in box.values())
    assert 0 <= box["xmin"] < box["xmax"] <= 1280
    assert 0 <= box["ymin"] < box["ymax"] <= 720


@pytest.mark.parametrize("path", ["/v1/plate-reader", "//v1/plate-reader/", "/v1//plate-reader"])
def test_it_answers_every_spelling_of_its_path_without_a_redirect(
    running: Processes, running_key: str, photo: bytes, path: str
) -> None:
    # requests would tidy a leading `//`, which is what clients with a trailing slash in their base URL send.
    connection = http.client.HTTPConnection("127.0.0.1", running.port, timeout=30)
    body = urlencode({"upload": base64.b64encode(photo).decode()})
    headers = {"Authorization": f"Token {running_key}", "Content-Type": "application/x-www-form-urlencoded"}
    connection.request("POST", path, body, headers)
    assert connection.getresponse().status == 201


def encodings(photo: bytes) -> dict[str, dict[str, Any]]:
    text = base64.b64encode(photo).decode()
    wrapped = base64.encodebytes(photo).decode()
    return {
        "a file part": {"files": {"upload": ("car.jpg", photo)}},
        "a nameless file part": {"files": {"upload": photo}},
        "base64 in a multipart field": {"files": {"upload": (None, text)}},
        "wrapped base64 in a multipart field": {"files": {"upload": (None, wrapped)}},
        "a data URL in a multipart field": {"files": {"upload": (None, "data:image/jpeg;base64," + text)}},
        "base64 in a urlencoded form": {"data": {"upload": text}},
        "base64 whose plus signs were not escaped": {
            "data": "upload=" + text,
            "headers": {"Content-Type": "application/x-www-form-urlencoded"},
        },
        "a JSON object": {"json": {"upload": text, "config": {"mode": "fast"}, "mmc": True, "regions": ["gb"]}},
    }


@pytest.mark.parametrize("encoding", list(encodings(b"")))
def test_it_takes_every_encoding(running: Processes, running_key: str, photo: bytes, encoding: str) -> None:
    request = encodings(photo)[encoding]
    headers = {"Authorization": f"Token {running_key}", **request.pop("headers", {})}
    answer = requests.post(f"{running.url}/v1/plate-reader/", headers=headers, timeout=30, **request)
    assert answer.status_code == 201, answer.text
    assert answer.json()["results"][0]["plate"] == SAMPLE_PLATE


def test_a_part_as_dotnet_writes_it_is_read(running: Processes, running_key: str, photo: bytes) -> None:
    boundary = "0d0bd7c2-3b5c-4f1b-9d2f-7e9a1c"
    body = (
        f"--{boundary}\r\nContent-Type: text/plain; charset=utf-8\r\n"
        f"Content-Disposition: form-data; name=camera_id\r\n\r\ndotnet\r\n"
        f"--{boundary}\r\nContent-Disposition: form-data; name=upload; filename=car.jpg; "
        f"filename*=utf-8''car.jpg\r\n\r\n"
    ).encode() + photo
    body += f"\r\n--{boundary}--\r\n".encode()
    answer = requests.post(
        f"{running.url}/v1/plate-reader/",
        data=body,
        headers={
            "Authorization": f"Token {running_key}",
            "Content-Type": f'multipart/form-data; boundary="{boundary}"',
        },
        timeout=30,
    )
    assert answer.status_code == 201
    assert answer.json()["camera_id"] == "dotnet"
    assert answer.json()["filename"].endswith("_car.jpg")


def test_mmc_adds_its_lists_for_every_spelling_of_true(running: Processes, running_key: str, photo: bytes) -> None:
    for mmc in ("true", "True"):
        (result,) = post(running, running_key, files={"upload": photo}, data={"mmc": mmc}).json()["results"]
        assert result["model_make"][0].keys() == {"make", "model", "score"}
        assert result["color"][0].keys() == {"color", "score"}
        assert result["orientation"][0].keys() == {"orientation", "score"}
    (plain,) = post(running, running_key, files={"upload": photo}, data={"mmc": "False"}).json()["results"]
    assert not {"model_make", "color", "orientation"} & plain.keys()


def test_a_threshold_of_the_config_reaches_the_core(running: Processes, running_key: str, photo: bytes) -> None:
    strict = {"config": json.dumps({"threshold_d": 1, "unknown_key": 7})}
    answer = post(running, running_key, files={"upload": photo}, data=strict)
    assert answer.status_code == 201
    assert answer.json()["results"] == []


def test_detection_mode_vehicle_gives_the_v2_json(running: Processes, running_key: str, photo: bytes) -> None:
    config = {"config": json.dumps({"detection_mode": "vehicle"})}
    body = post(running, running_key, files={"upload": photo}, data=config).json()
    (result,) = (each for each in body["results"] if each["plate"])
    assert result.keys() == {"plate", "vehicle"}
    assert result["plate"]["props"]["plate"][0]["value"] == SAMPLE_PLATE
    assert result["vehicle"]["props"].keys() == {"make_model", "orientation", "color"}


def plates(running: Processes, key: str, photo: bytes, regions: str = "", **config: Any) -> list[str]:
    fields = {"regions": regions, "config": json.dumps(config)}
    return [each["plate"] for each in post(running, key, files={"upload": photo}, data=fields).json()["results"]]


def test_regions_guide_and_with_strict_bind(running: Processes, running_key: str, photo: bytes) -> None:
    # The sample is a German plate; four letters and three digits are no plate of Britain.
    for regions in ("de", "gb", "gb,de"):
        assert plates(running, running_key, photo, regions) == [SAMPLE_PLATE]
    assert plates(running, running_key, photo, "de", region="strict") == [SAMPLE_PLATE]
    assert plates(running, running_key, photo, "gb,de", region="strict") == [SAMPLE_PLATE]
    assert plates(running, running_key, photo, "gb", region="strict") == []
    # No template of a Japanese plate is known, so nothing matches one; without regions there is nothing to match.
    assert plates(running, running_key, photo, "jp", region="strict") == []
    assert plates(running, running_key, photo, region="strict") == [SAMPLE_PLATE]


def test_text_formats_guide_and_with_strict_bind(running: Processes, running_key: str, photo: bytes) -> None:
    fitting, other = ["[a-z]{4}[0-9]{3}"], ["[0-9]{2}"]
    for formats in (fitting, other, [*other, *fitting]):
        assert plates(running, running_key, photo, text_formats=formats) == [SAMPLE_PLATE]
    assert plates(running, running_key, photo, text_formats=fitting, region="strict") == [SAMPLE_PLATE]
    assert plates(running, running_key, photo, text_formats=other, region="strict") == []
    assert plates(running, running_key, photo, "gb", text_formats=fitting, region="strict") == []


def test_text_formats_move_the_candidates(running: Processes, running_key: str, photo: bytes) -> None:
    def scores(**config: Any) -> dict[str, float]:
        fields = {"config": json.dumps(config)}
        (result,) = post(running, running_key, files={"upload": photo}, data=fields).json()["results"]
        return {each["plate"]: each["score"] for each in result["candidates"]}

    plain, guided = scores(), scores(text_formats=[SAMPLE_PLATE])
    rivals = [plate for plate in plain if plate != SAMPLE_PLATE and plate in guided]
    assert rivals
    assert all(guided[plate] < plain[plate] for plate in rivals)


def test_a_text_format_that_the_core_cannot_use_is_400(running: Processes, running_key: str, photo: bytes) -> None:
    config = {"config": json.dumps({"text_formats": ["(?=a)b"]})}
    answer = post(running, running_key, files={"upload": photo}, data=config)
    assert answer.status_code == 400
    assert "text_formats" in str(answer.json()["config"])


def test_a_threshold_of_the_reading_drops_it(running: Processes, running_key: str, photo: bytes) -> None:
    config = {"config": json.dumps({"threshold_o": 1})}
    assert post(running, running_key, files={"upload": photo}, data=config).json()["results"] == []


def test_redaction_looks_for_plates_of_half_the_score(running: Processes, running_key: str, photo: bytes) -> None:
    (result,) = post(running, running_key, files={"upload": photo}).json()["results"]
    above = min(1.0, result["dscore"] + 0.02)
    for mode, count in (("default", 0), ("fast", 0), ("redaction", 1)):
        config = {"config": json.dumps({"mode": mode, "threshold_d": above})}
        assert len(post(running, running_key, files={"upload": photo}, data=config).json()["results"]) == count


def test_empty_and_unknown_fields_are_no_fault(running: Processes, running_key: str, photo: bytes) -> None:
    # Android's client sends regions= and Node-RED camera_id=, both empty; several send fields of their own.
    fields = {"regions": "", "camera_id": "", "config": "{}", "mmc": "", "timestamp": "", "foo": "bar"}
    answer = post(running, running_key, files={"upload": photo}, data=fields)
    assert answer.status_code == 201
    assert answer.json()["camera_id"] == ""
    assert answer.json()["results"][0]["plate"] == SAMPLE_PLATE
    assert "error" not in answer.json()


@pytest.mark.parametrize(
    ("sent", "echoed"),
    [
        ("2019-08-19T13:11:25", "2019-08-19T13:11:25Z"),
        ("2019-08-19T13:11:25.123Z", "2019-08-19T13:11:25.123000Z"),
        ("2019-08-19T13:11:25+02:00", "2019-08-19T11:11:25Z"),
    ],
)
def test_the_timestamp_is_echoed_in_utc(
    running: Processes, running_key: str, photo: bytes, sent: str, echoed: str
) -> None:
    answer = post(running, running_key, files={"upload": photo}, data={"timestamp": sent})
    assert answer.json()["timestamp"] == echoed
    assert answer.json()["camera_id"] is None


def test_the_body_comes_whole_with_its_length(running: Processes, running_key: str, photo: bytes) -> None:
    # The vendor's C++ client keeps only the last chunk that it gets, and waits for 100 Continue.
    form = requests.Request("POST", running.url, files={"upload": photo}).prepare()
    assert isinstance(form.body, bytes)
    head = (
        f"POST /v1/plate-reader/ HTTP/1.1\r\nHost: localhost\r\nAuthorization: Token {running_key}\r\n"
        f"Content-Type: {form.headers['Content-Type']}\r\nContent-Length: {len(form.body)}\r\n"
        "Expect: 100-continue\r\nConnection: close\r\n\r\n"
    )
    with socket.create_connection(("127.0.0.1", running.port), timeout=30) as raw:
        raw.sendall(head.encode())
        assert raw.recv(1024).startswith(b"HTTP/1.1 100 Continue")
        raw.sendall(form.body)
        received = b""
        while chunk := raw.recv(65536):
            received += chunk
    headers, _, body = received.partition(b"\r\n\r\n")
    assert b"transfer-encoding" not in headers.lower()
    assert f"content-length: {len(body)}".encode() in headers.lower()
    assert json.loads(body)["results"]


def test_a_browser_of_any_origin_may_call(running: Processes) -> None:
    answer = requests.options(f"{running.url}/v1/plate-reader/", headers={"Origin": "https://a.example"}, timeout=10)
    assert answer.status_code == 200
    assert answer.headers["Access-Control-Allow-Origin"] == "*"
    assert "Authorization" in answer.headers["Access-Control-Allow-Headers"]
    assert "POST" in answer.headers["Access-Control-Allow-Methods"]
