"""Bodies as real receivers read them: whatever a camera is called, every kind of reader gets the same readings.

The three readers do what the vendor's own example receivers do with a body: one URL-unquotes it before it parses, one
takes form fields only, one looks for `json=` or a multipart body and knows no `+` for a blank.
"""

from __future__ import annotations

import base64
import io
import json
import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any
from urllib.parse import unquote, unquote_plus

import pytest
import redis
from PIL import Image
from standardwebhooks import Webhook, WebhookVerificationError
from standardwebhooks.webhooks import hmac_data
from werkzeug.test import EnvironBuilder
from werkzeug.wrappers import Request

from platehost.options import Options
from platehost.reading import Reading, Registration
from platehost.renderings.plate_reader import wanted_results
from platehost.settings import Settings
from platehost.targets import new_secret
from tests.service.scripted import vehicle
from tests.service.shapes import faults, open_objects
from tests.webhooks.office import READING, Office
from tests.webhooks.receiver import Received, Receiver, Reply

NAMES = [
    "gate 1",
    "a+b 50%25",
    "100% + %41",
    "quo\"te\\ 'and' <b>&amp;=;",
    "Tor S\u00fcd \u2603 \U0001f697",
    "json={}&json=",
    "--boundary\r\n\r\n",
    "",
]


def unquoting_reader(received: Received) -> Any:
    if received.headers["content-type"].startswith("multipart/form-data"):
        return json.loads(parts(received)["json"][1])
    text = unquote_plus(received.body.decode("utf-8"))
    return json.loads(text.removeprefix("json="))


def form_reader(received: Received) -> Any:
    return json.loads(as_request(received).form["json"])


def script_reader(received: Received) -> Any:
    if received.headers["content-type"].startswith("multipart/form-data"):
        return json.loads(parts(received)["json"][1])
    text = received.body.decode("utf-8")
    assert "json=" in text, "this reader waits for ever"
    return json.loads(unquote(text.partition("json=")[2]))


def strict_reader(received: Received) -> Any:
    assert received.headers["content-type"] == "application/json"
    return json.loads(received.body)


def as_request(received: Received) -> Request:
    builder = EnvironBuilder(method="POST", data=received.body, content_type=received.headers["content-type"])
    return Request(builder.get_environ())


def parts(received: Received) -> dict[str, tuple[str, bytes]]:
    """Head and content of each part by its name, split by hand as a simple receiver does."""
    boundary = re.search(r"boundary=([^;]+)", received.headers["content-type"])
    assert boundary
    found: dict[str, tuple[str, bytes]] = {}
    for part in received.body.split(b"--" + boundary[1].encode())[1:-1]:
        head, _, content = part.removeprefix(b"\r\n").partition(b"\r\n\r\n")
        name = re.search(rb'[; ]name="([^"]*)"', head)
        assert name
        found[name[1].decode()] = head.decode("ascii"), content.removesuffix(b"\r\n")
    return found


READERS: list[tuple[str, Callable[[Received], Any]]] = [
    ("json", unquoting_reader),
    ("json", strict_reader),
    ("form", unquoting_reader),
    ("form", form_reader),
    ("form", script_reader),
    ("multipart", unquoting_reader),
    ("multipart", form_reader),
    ("multipart", script_reader),
]


@pytest.fixture
def office(store: redis.Redis, settings: Settings) -> Iterator[Office]:
    made = Office(store, settings)
    yield made
    made.outbound.close()


@pytest.mark.parametrize(("form", "reader"), READERS)
def test_every_reader_gets_what_was_meant(
    form: str, reader: Callable[[Received], Any], office: Office, receiver: Receiver
) -> None:
    office.add(receiver.url + "?a=1+1&b=%2B", format=form)
    for name in NAMES:
        office.recognise(picture=picture(), camera_id=name)
    office.deliver()
    told = sorted(reader(received)["data"]["camera_id"] for received in receiver.received)
    assert told == sorted(NAMES)
    for received in receiver.received:
        payload = reader(received)
        assert payload["hook"]["target"] == receiver.url + "?a=1+1&b=%2B"
        assert payload["data"]["results"][0]["plate"] == "ab12cde"
        assert received.headers["content-length"] == str(len(received.body))


def test_a_json_body_is_ascii_without_plus_and_percent(office: Office, receiver: Receiver) -> None:
    office.add(receiver.url)
    for name in NAMES:
        office.recognise(camera_id=name)
    office.deliver()
    for received in receiver.received:
        received.body.decode("ascii")
        assert b"+" not in received.body
        assert b"%" not in received.body


def test_the_data_is_what_the_look_up_answers(office: Office, receiver: Receiver) -> None:
    office.add(receiver.url)
    office.recognise(options=Options(mmc=True), camera_id="gate")
    office.deliver()
    data = json.loads(receiver.received[0].body)["data"]
    assert data["filename"] == "1617_7M83K_car.jpg"
    assert data["timestamp"] == "2026-05-01T10:11:12.131415Z"
    assert data["version"] == 1
    result = data["results"][0]
    assert result["box"] == {"xmin": 100, "ymin": 201, "xmax": 180, "ymax": 230}
    assert result["region"] == {"code": "gb", "score": 0.9}
    assert result["vehicle"]["box"] == {"xmin": 50, "ymin": 100, "xmax": 300, "ymax": 300}
    assert {"model_make", "color", "orientation"} <= set(result)


SEEN = replace(
    READING,
    plates=(replace(READING.plates[0], vehicle=replace(vehicle(), box=(50.0, 100.0, 300.0, 300.0))),),
    bare_vehicles=(replace(vehicle("Front"), type="Bus", box=(400.0, 150.0, 600.0, 400.0)),),
)


@pytest.mark.parametrize(
    "options",
    [
        Options(),
        Options(mmc=True),
        Options(mmc=True, direction=True),
        Options(detection_mode="vehicle"),
        Options(detection_mode="vehicle", mmc=True),
    ],
)
def test_every_payload_has_its_shape_and_tells_what_was_asked_for(
    options: Options, office: Office, receiver: Receiver
) -> None:
    office.add(receiver.url)
    office.recognise(SEEN, options=options, camera_id="gate")
    office.deliver()
    payload = json.loads(receiver.received[0].body)
    assert faults("WebhookPayload", payload) == []
    assert open_objects("WebhookPayload") == []
    assert payload["data"]["results"] == json.loads(json.dumps(wanted_results(SEEN, options)))
    assert len(payload["data"]["results"]) == (2 if options.detection_mode == "vehicle" else 1)
    if options.mmc:
        told = json.dumps(payload["data"]["results"][0])
        assert all(word in told for word in ("BMW", "3 Series", "silver", "Rear"))


def test_the_payloads_of_registers_and_tests_have_their_shape(office: Office, receiver: Receiver) -> None:
    target = office.add(receiver.url)
    known = replace(SEEN.plates[0], registration=Registration("dvla", "Ford", year=2019))
    office.recognise(replace(SEEN, plates=(known, *SEEN.plates), bare_vehicles=()), options=Options(mmc=True))
    office.deliver()
    office.deliveries.ping(target)
    office.deliver()
    payloads = [json.loads(each.body) for each in receiver.received]
    assert [faults("WebhookPayload", each) for each in payloads] == [[], []]
    assert payloads[0]["data"]["results"][0]["registration"]["make"] == "Ford"
    assert payloads[1]["hook"]["event"] == "test"


@pytest.mark.parametrize(
    ("sent", "told"),
    [
        ("2024-10-24T17:29:26Z", "2024-10-24T17:29:26.000000Z"),
        ("2025-01-31 09:54:50.792060", "2025-01-31T09:54:50.792060Z"),
        ("2025-01-31T10:54:50+01:00", "2025-01-31T09:54:50.000000Z"),
    ],
)
def test_a_timestamp_has_microseconds_and_z(sent: str, told: str, office: Office, receiver: Receiver) -> None:
    office.add(receiver.url)
    office.recognise(timestamp=sent)
    office.deliver()
    assert json.loads(receiver.received[0].body)["data"]["timestamp"] == told


def test_a_job_of_another_face_has_a_name_and_a_time(office: Office, receiver: Receiver) -> None:
    office.add(receiver.url)
    job_id = office.recognise(filename=None, timestamp=None)
    office.deliver()
    data = json.loads(receiver.received[0].body)["data"]
    assert data["filename"] == f"{job_id}.jpg"
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z", data["timestamp"])


def picture(form: str = "JPEG", size: tuple[int, int] = (640, 480), orientation: int | None = None) -> bytes:
    """Black, with a white rectangle where READING's plate is (in the upright picture)."""
    drawn = Image.new("RGB", size)
    drawn.paste((255, 255, 255), (100, 201, 180, 230))
    exif = Image.Exif()
    if orientation == 3:
        drawn = drawn.rotate(180)
        exif[0x0112] = 3
    encoded = io.BytesIO()
    drawn.save(encoded, form, **({"exif": exif} if orientation else {}))
    return encoded.getvalue()


def sent(received: Received) -> tuple[Any, Any, Image.Image, bytes]:
    """The payload, the file part, the picture opened, and its bytes."""
    request = as_request(received)
    part = request.files["upload"]
    content = part.stream.read()
    return json.loads(request.form["json"]), part, Image.open(io.BytesIO(content)), content


@pytest.mark.parametrize("form", ["JPEG", "PNG"])
def test_an_original_is_sent_byte_for_byte(form: str, office: Office, receiver: Receiver) -> None:
    office.add(receiver.url, image="original")
    office.recognise(picture=picture(form), filename=f"1617_7M83K_car.{form.lower()}")
    office.deliver()
    payload, part, _, content = sent(receiver.received[0])
    assert content == picture(form)
    assert part.filename == f"1617_7M83K_car.{form.lower()}"
    assert part.content_type == f"image/{form.lower()}"
    assert payload["data"]["results"][0]["box"]["xmin"] == 100
    head, _ = parts(receiver.received[0])["json"]
    assert head == 'Content-Disposition: form-data; name="json"', "the vendor's part has no type"


@pytest.mark.parametrize(("form", "orientation"), [("WEBP", None), ("JPEG", 3)])
def test_another_original_is_sent_as_an_upright_jpeg(
    form: str, orientation: int | None, office: Office, receiver: Receiver
) -> None:
    office.add(receiver.url, image="original")
    office.recognise(picture=picture(form, orientation=orientation), filename="1617_7M83K_car.webp")
    office.deliver()
    payload, part, opened, _ = sent(receiver.received[0])
    assert (opened.format, part.filename) == ("JPEG", "1617_7M83K_car.jpg")
    assert white(opened, payload["data"]["results"][0]["box"])


@pytest.mark.parametrize(("image", "size"), [("plate", (80, 29)), ("vehicle", (250, 200))])
def test_boxes_refer_to_the_crop_that_is_sent(
    image: str, size: tuple[int, int], office: Office, receiver: Receiver
) -> None:
    office.add(receiver.url, image=image)
    office.recognise(picture=picture())
    office.deliver()
    payload, _, opened, _ = sent(receiver.received[0])
    data = payload["data"]
    assert opened.size == (data["image_width"], data["image_height"]) == size
    assert white(opened, data["results"][0]["box"])
    box = data["results"][0]["vehicle"]["box"]
    assert (box["xmin"], box["ymin"], box["xmax"], box["ymax"]) == (0, 0, *size)


@pytest.mark.parametrize(
    ("image", "size", "plate_box", "bare_box"),
    [
        # The vehicles of both results.
        ("vehicle", (550, 300), (50, 101, 130, 130), (350, 50, 550, 300)),
        # The plate, and the vehicle that has none; of the plate's own vehicle what lies inside.
        ("plate", (500, 250), (0, 51, 80, 80), (300, 0, 500, 250)),
        ("original", (640, 480), (100, 201, 180, 230), (400, 150, 600, 400)),
    ],
)
def test_vehicles_without_a_plate_lie_in_the_picture_that_is_sent(
    image: str,
    size: tuple[int, int],
    plate_box: tuple[int, ...],
    bare_box: tuple[int, ...],
    office: Office,
    receiver: Receiver,
) -> None:
    office.add(receiver.url, image=image)
    office.recognise(SEEN, picture=picture(), options=Options(detection_mode="vehicle"))
    office.deliver()
    payload, _, opened, _ = sent(receiver.received[0])
    data = payload["data"]
    assert faults("WebhookPayload", payload) == []
    assert opened.size == (data["image_width"], data["image_height"]) == size
    with_plate, bare = data["results"]
    assert tuple(with_plate["plate"]["box"].values()) == plate_box
    assert white(opened, with_plate["plate"]["box"])
    assert tuple(bare["vehicle"]["box"].values()) == bare_box
    for result in data["results"]:
        box = result["vehicle"]["box"]
        assert 0 <= box["xmin"] < box["xmax"] <= size[0]
        assert 0 <= box["ymin"] < box["ymax"] <= size[1]


def test_a_vehicle_without_a_plate_is_cut_out_where_plates_are_it_is_not(office: Office, receiver: Receiver) -> None:
    for image in ("vehicle", "plate"):
        office.add(receiver.url, image=image)
    office.recognise(replace(SEEN, plates=()), picture=picture(), options=Options(detection_mode="vehicle"))
    office.deliver()
    assert sorted(sent(received)[2].size for received in receiver.received) == [(200, 250), (640, 480)]


def white(opened: Image.Image, box: dict[str, int]) -> bool:
    """Whether the box holds the plate: white, but for a rim that JPEG blurs."""
    inside = opened.convert("L").crop((box["xmin"] + 3, box["ymin"] + 3, box["xmax"] - 3, box["ymax"] - 3))
    return bool(inside.getextrema()[0] > 230)  # type: ignore[operator]


def test_without_plates_the_original_is_sent(office: Office, receiver: Receiver) -> None:
    office.add(receiver.url, image="plate")
    office.recognise(Reading(640, 480), picture=picture())
    office.deliver()
    assert sent(receiver.received[0])[3] == picture()


def test_file_names_are_safe(office: Office, receiver: Receiver) -> None:
    office.add(receiver.url, image="original")
    office.recognise(picture=picture(), filename='../../etc/p"a\r\nss\u00fc%41+.jpg')
    office.deliver()
    assert re.fullmatch(r"[A-Za-z0-9._-]+\.jpg", sent(receiver.received[0])[1].filename)


@pytest.mark.parametrize("content", [b"\xff\xd8\xff not a picture", None])
def test_without_a_usable_picture_the_readings_are_sent(
    content: bytes | None, office: Office, receiver: Receiver
) -> None:
    office.add(receiver.url, image="plate")
    job_id = office.recognise(picture=content or picture())
    if content is None:
        office.blobs.drop(f"{job_id}:0")
    office.deliver()
    request = as_request(receiver.received[0])
    assert json.loads(request.form["json"])["data"]["results"][0]["box"]["xmin"] == 100
    assert not request.files


def test_a_picture_is_kept_until_its_last_delivery(office: Office, receiver: Receiver) -> None:
    failing = Receiver(lambda received: Reply(500))
    office.add(receiver.url, image="original")
    office.add(receiver.url, image="plate")
    office.add(receiver.url)
    slow = office.add(failing.url, image="original")
    job_id = office.recognise(picture=picture())
    office.deliver()
    assert office.blobs.get(f"{job_id}:0")
    failing.reply = lambda received: Reply()
    office.now += 6.1
    office.deliver()
    assert [each.status for each in office.attempts(slow)] == [500, 200]
    assert sent(failing.received[1])[3] == picture()
    assert office.blobs.get(f"{job_id}:0") is None
    assert not office.store.keys("platehost:picture*")
    failing.close()


def test_a_picture_that_no_target_wants_is_dropped_at_once(office: Office, receiver: Receiver) -> None:
    office.add(receiver.url)
    job_id = office.recognise(picture=picture())
    assert office.blobs.get(f"{job_id}:0") is None


def test_surplus_and_old_pictures_are_given_up_the_oldest_first(store: redis.Redis, settings: Settings) -> None:
    office = Office(store, settings, webhook_pictures=2, webhook_picture_ttl=100)
    office.add("http://127.0.0.1:9/", image="original")
    jobs = [office.recognise(picture=picture()) for _ in range(3)]
    assert list(office.deliveries.surplus_pictures()) == [f"{jobs[0]}:0"]
    office.now += 101
    assert list(office.deliveries.surplus_pictures()) == [f"{jobs[1]}:0", f"{jobs[2]}:0"]


@pytest.mark.parametrize(("form", "image"), [("json", None), ("form", None), ("multipart", "none")])
def test_a_receiver_with_the_public_library_accepts_every_format(
    form: str, image: str | None, office: Office, receiver: Receiver
) -> None:
    target = office.add(receiver.url, format=form, image=image, secret=new_secret())
    office.recognise(picture=picture(), camera_id=NAMES[4])
    office.deliver()
    received = receiver.received[0]
    verify(target.secret, received.headers, received.body)
    with pytest.raises(WebhookVerificationError):
        verify(target.secret, received.headers, received.body + b" ")
    with pytest.raises(WebhookVerificationError):
        verify(new_secret(), received.headers, received.body)
    with pytest.raises(WebhookVerificationError):
        verify(target.secret, {**received.headers, "webhook-id": "msg_other"}, received.body)


def test_with_a_picture_the_json_and_the_whole_body_are_signed(office: Office, receiver: Receiver) -> None:
    """The library takes text only: it verifies the JSON; over the bytes of the whole body there is a signature too."""
    target = office.add(receiver.url, image="original", secret=new_secret())
    office.recognise(picture=picture(), camera_id=NAMES[4])
    office.deliver()
    received = receiver.received[0]
    text = as_request(received).form["json"]
    assert Webhook(target.secret).verify(text, received.headers)["data"]["camera_id"] == NAMES[4]
    with pytest.raises(WebhookVerificationError):
        verify(target.secret, received.headers, text.replace("ab12cde", "ab12cdf").encode())
    headers = received.headers
    begin = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode()
    key = base64.b64decode(target.secret.removeprefix("whsec_"))
    whole = base64.b64encode(hmac_data(key, begin + received.body)).decode()
    assert f"v1,{whole}" == headers["webhook-signature"].split()[0]


def test_after_a_rotation_the_old_and_the_new_secret_verify(office: Office, receiver: Receiver) -> None:
    old = office.add(receiver.url, secret=new_secret())
    new = office.targets.rotate(old.id, 3600)
    assert new
    office.recognise()
    office.deliver()
    for secret in (old.secret, new.secret):
        verify(secret, receiver.received[0].headers, receiver.received[0].body)


def test_without_a_secret_there_is_an_id_but_no_signature(office: Office, receiver: Receiver) -> None:
    office.add(receiver.url)
    office.recognise()
    office.deliver()
    headers = receiver.received[0].headers
    assert "webhook-signature" not in headers
    assert headers["webhook-id"].startswith("msg_")
    assert "." not in headers["webhook-id"]
    assert headers["webhook-timestamp"].isdigit()


def verify(secret: str, headers: dict[str, str], body: bytes) -> None:
    """Raises WebhookVerificationError as a receiver would."""
    Webhook(secret).verify(body, headers, json_parse=False)
