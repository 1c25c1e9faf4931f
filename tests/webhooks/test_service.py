"""The whole service: a picture sent by HTTP, its answer, and what a target gets of it."""

from __future__ import annotations

import io

import requests
from PIL import Image

from platehost.accounts import Accounts
from tests.service.support import SAMPLE_PLATE, Processes, wait_until
from tests.webhooks.receiver import Receiver
from tests.webhooks.test_payload import as_request, sent, strict_reader


def test_a_target_gets_what_the_look_up_answered(own: Processes, photo: bytes, receiver: Receiver) -> None:
    own.settings["PLATEHOST_WEBHOOK_ALLOW"] = "127.0.0.1/32"
    own.start_all()
    key = {"Authorization": f"Token {Accounts(own.server.client()).create_key('hooks')}"}
    pictures = Receiver()
    for fields in ({"url": receiver.url}, {"url": pictures.url, "image": "plate"}):
        made = requests.post(f"{own.url}/api/v1/webhooks", json=fields, headers=key, timeout=10)
        assert made.status_code == 201, made.text
    answer = requests.post(
        f"{own.url}/v1/plate-reader/",
        headers=key,
        data={"camera_id": "Tor+1 100%", "mmc": "true"},
        files={"upload": ("car.jpg", photo)},
        timeout=40,
    )
    assert answer.status_code == 201, answer.text
    npr = requests.post(f"{own.url}/api/v1/recognise", headers=key, files={"upload": ("car.jpg", photo)}, timeout=40)
    assert npr.status_code == 200, npr.text
    wait_until(lambda: len(receiver.received) == len(pictures.received) == 2, 20, "both are told of both")
    told = {each["data"]["filename"]: each["data"] for each in map(strict_reader, receiver.received)}
    assert told[answer.json()["filename"]] == answer.json()
    assert all(each["results"][0]["plate"] == SAMPLE_PLATE for each in told.values())

    payload, part, opened, content = sent(pictures.received[0])
    whole = answer.json()["results"][0]["box"]
    box = payload["data"]["results"][0]["box"]
    assert opened.size == (whole["xmax"] - whole["xmin"], whole["ymax"] - whole["ymin"])
    assert box == {"xmin": 0, "ymin": 0, "xmax": opened.width, "ymax": opened.height}
    cut = Image.open(io.BytesIO(photo)).crop((whole["xmin"], whole["ymin"], whole["xmax"], whole["ymax"]))
    difference = [abs(a - b) for a, b in zip(cut.convert("L").tobytes(), opened.convert("L").tobytes(), strict=True)]
    assert sum(difference) / len(difference) < 5, "the crop shows the plate"
    assert as_request(pictures.received[0]).files["upload"].filename == part.filename
    wait_until(lambda: not own.server.client().keys("blob:*"), 10, "no picture is left")
    pictures.close()
    assert content[:3] == b"\xff\xd8\xff"
