"""Vehicles through the whole service: rigged networks, whose answers are known, behind every face.

The packs are those of tests/core/vehicle_models.py: a blue mark is the middle of a vehicle of 256 x 192 pixels, a plate
reads as it was drawn, green paint makes a Van and its colour. The make-model pack lies beside, and is loaded by itself.
"""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
import requests
from PIL import Image

from platehost.accounts import Accounts
from platehost.plans import Plans
from platehost.targets import Targets
from tests.core import vehicle_models
from tests.core.pictures import encoded, scene
from tests.service.shapes import faults
from tests.service.support import Processes, RedisServer, free_port, wait_until
from tests.webhooks.receiver import Receiver
from tests.webhooks.test_payload import as_request

# A vehicle's box is (40, 24) to (296, 216) around CAR; PLATE is the top left of a plate under its mark.
CAR, PLATE = (168, 120), (88, 136)
OTHER_CAR, OTHER_PLATE = (472, 376), (392, 392)
BOX = {"xmin": 40, "ymin": 24, "xmax": 296, "ymax": 216}
AUDI = {"make": "Audi", "model": "S4", "score": 0.5}


class Service:
    """The processes with the rigged packs, and a client of them."""

    def __init__(self, processes: Processes) -> None:
        self.processes = processes
        self.store = processes.server.client()
        self.key = Accounts(self.store).create_key("vehicles")

    def post(
        self, path: str, picture: bytes, *, sdk: bool = False, config: Any = None, **fields: str
    ) -> dict[str, Any]:
        sent = {**fields, **({"config": json.dumps(config)} if config else {})}
        answer = requests.post(
            (self.processes.sdk_url if sdk else self.processes.url) + path,
            headers={"Authorization": f"Bearer {self.key}"},
            data=sent,
            files={"upload": ("car.png", picture)},
            timeout=120,
        )
        assert answer.status_code in {200, 201}, answer.text
        body: dict[str, Any] = answer.json()
        return body

    def read(self, picture: bytes, **fields: Any) -> list[dict[str, Any]]:
        results: list[dict[str, Any]] = self.post("/v1/plate-reader/", picture, **fields)["results"]
        return results

    def plates(self, picture: bytes, **config: Any) -> list[str]:
        return sorted(each["plate"] for each in self.read(picture, config=config))


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    folder = tmp_path_factory.mktemp("vehicles")
    pack = vehicle_models.vehicle_pack(folder / "packs" / "default")
    vehicle_models.make_model_pack(folder / "packs" / "make-model")
    server = RedisServer(folder)
    server.start()
    settings = {
        "PLATEHOST_PACK": str(pack),
        "PLATEHOST_SDK_PORT": str(free_port()),
        "PLATEHOST_SYNC_WINDOW": "60",
        "PLATEHOST_WEBHOOK_ALLOW": "127.0.0.0/8",
    }
    processes = Processes(folder, server, settings)
    try:
        processes.start_all()
        yield Service(processes)
    finally:
        processes.stop_all()
        server.stop()


def street(plates: dict[tuple[int, int], str], cars: list[tuple[int, int]]) -> bytes:
    pixels = scene(plates, width=640, height=512)
    for x, y in cars:
        pixels[y - 8 : y + 8, x - 8 : x + 8] = (0, 0, 255)
    pixels[np.all(pixels == 40, axis=2)] = (40, 250, 40)
    return encoded(pixels)


ONE = street({PLATE: "AB1"}, [CAR])
TWO = street({PLATE: "AB1"}, [CAR, OTHER_CAR])


def near(found: dict[str, int], box: dict[str, int]) -> bool:
    return all(abs(found[side] - box[side]) <= 1 for side in box)


def test_a_plate_has_its_vehicle_without_mmc(service: Service) -> None:
    (result,) = service.read(ONE)
    assert faults("Result", result) == []
    assert result["vehicle"]["type"] == "Van"
    assert near(result["vehicle"]["box"], BOX)


@pytest.mark.parametrize("sdk", [False, True])
def test_mmc_tells_make_model_colour_side_and_year(service: Service, sdk: bool) -> None:
    (result,) = service.read(ONE, sdk=sdk, mmc="True", direction="true")
    assert faults("ResultMmc", result) == []
    assert result["model_make"] == [AUDI, {"make": "BMW", "model": "X5", "score": 0.4}, {**result["model_make"][2]}]
    assert result["color"][0]["color"] == "green"
    assert result["orientation"][0]["orientation"] == "Front"
    assert result["year"] == [{"year": 2012, "score": 0.5}]
    assert (result["direction"], result["direction_score"]) == (270, result["orientation"][0]["score"])


def test_detection_mode_vehicle_tells_vehicles_without_a_plate(service: Service) -> None:
    assert len(service.read(TWO)) == 1
    for mmc in ("false", "true"):
        with_plate, bare = service.read(TWO, mmc=mmc, config={"detection_mode": "vehicle"})
        assert faults("ResultV2", with_plate) == faults("ResultV2", bare) == []
        assert near(with_plate["vehicle"]["box"], BOX)
        assert bare["plate"] is None
        assert near(bare["vehicle"]["box"], {"xmin": 344, "ymin": 280, "xmax": 600, "ymax": 472})
        for vehicle in (with_plate["vehicle"], bare["vehicle"]):
            models = vehicle["props"]["make_model"]
            assert models[0] == AUDI if mmc == "true" else models == []


def test_detection_rule_strict_drops_plates_on_no_vehicle(service: Service) -> None:
    picture = street({PLATE: "AB1", OTHER_PLATE: "CD2"}, [CAR])
    assert service.plates(picture) == ["ab1", "cd2"]
    assert service.plates(picture, detection_rule="strict") == ["ab1"]


def test_plates_per_vehicle_keeps_the_best(service: Service) -> None:
    pixels = np.array(Image.open(io.BytesIO(street({PLATE: "AB1", (88, 30): "EF3"}, [(168, 112)]))).convert("RGB"))
    weak = pixels[30:94]
    weak[np.all(weak == (255, 0, 0), axis=2)] = (200, 0, 0)
    picture = encoded(pixels)
    assert service.plates(picture) == ["ab1"]
    assert service.plates(picture, plates_per_vehicle=2) == ["ab1", "ef3"]


def test_npr_tells_what_the_picture_shows_where_the_plan_includes_mmc(service: Service) -> None:
    accounts, plans = Accounts(service.store), Plans(service.store)
    shown = {"make": "Audi", "model": "S4", "colour": "Green", "year": 2012, "source": "picture"}
    assert service.post("/api/v1/recognise", ONE)["results"][0]["vehicle"] == shown
    plans.add("plain", mmc=False)
    accounts.change("main", plan="plain")
    try:
        body = service.post("/api/v1/recognise", ONE)
        assert faults("NprAnswer", body) == []
        assert body["results"][0]["vehicle"] == {}
        (result,) = service.read(ONE, mmc="true")
        assert faults("Result", result) == []
    finally:
        accounts.change("main", plan="unlimited")


def test_a_webhook_gets_the_vehicles_cut_out(service: Service) -> None:
    receiver = Receiver()
    targets = Targets(service.store)
    target = targets.add("main", receiver.url, image="vehicle")
    try:
        service.read(TWO, mmc="true", config={"detection_mode": "vehicle"})
        wait_until(lambda: receiver.received, 60, "it is delivered")
    finally:
        targets.remove(target.id)
        receiver.close()
    request = as_request(receiver.received[0])
    payload = json.loads(request.form["json"])
    assert faults("WebhookPayload", payload) == []
    with Image.open(request.files["upload"].stream) as opened:
        assert opened.size == (payload["data"]["image_width"], payload["data"]["image_height"])
    with_plate, bare = payload["data"]["results"]
    assert near(with_plate["vehicle"]["box"], {"xmin": 0, "ymin": 0, "xmax": 256, "ymax": 192})
    assert near(bare["vehicle"]["box"], {"xmin": 304, "ymin": 256, "xmax": 560, "ymax": 448})
