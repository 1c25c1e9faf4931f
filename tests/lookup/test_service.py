"""The NPR API's `vehicle` by the running service: web, webhooks and Redis, registers on loopback, a scripted core."""

from __future__ import annotations

import contextlib
import io
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import requests
from PIL import Image

from platehost import metrics_store
from platehost.accounts import Accounts
from platehost.reading import Registration
from platehost.register import Register
from platehost.targets import Targets
from tests.lookup.registers import DOWN, RUBBISH, Dvla, Rdw, broken_off
from tests.lookup.workplace import written
from tests.service.support import Processes, RedisServer, wait_until
from tests.webhooks.receiver import Receiver

FORD = {"make": "Ford", "colour": "Red", "year": 2019, "fuel_type": "petrol", "source": "dvla"}
CITIGO = {
    "make": "Skoda",
    "model": "CITIGO",
    "colour": "Grey",
    "year": 2013,
    "fuel_type": "petrol",
    "source": "rdw",
}


class Service:
    """The processes, and a client of them."""

    def __init__(self, processes: Processes, dvla: Dvla, rdw: Rdw) -> None:
        self.processes = processes
        self.dvla, self.rdw = dvla, rdw
        self._key = Accounts(processes.server.client()).create_key("lookup")
        file = io.BytesIO()
        Image.new("RGB", (640, 480), (120, 130, 140)).save(file, "JPEG")
        self._picture = file.getvalue()

    def picture(self, *plates: str) -> bytes:
        return self._picture + written(*plates)

    def post(
        self, path: str, files: Any, *, headers: Mapping[str, str] | None = None, **fields: Any
    ) -> requests.Response:
        sent = {"Authorization": f"Bearer {self._key}", **(headers or {})}
        return requests.post(self.processes.url + path, headers=sent, files=files, data=fields, timeout=60)

    def get(self, url: str) -> requests.Response:
        return requests.get(url, headers={"Authorization": f"Bearer {self._key}"}, timeout=60)

    def vehicles(self, *plates: str, **fields: Any) -> list[dict[str, Any]]:
        answer = self.post("/api/v1/recognise", {"upload": ("car.jpg", self.picture(*plates))}, **fields)
        assert answer.status_code == 200, answer.text
        return [each["vehicle"] for each in answer.json()["results"]]


@contextlib.contextmanager
def running(folder: Path) -> Iterator[Service]:
    dvla, rdw = Dvla(), Rdw()
    server = RedisServer(folder)
    server.start()
    settings = {
        "PLATEHOST_LOOKUP": "register,gb=dvla,nl=rdw",
        # Long enough for a busy machine to be told, and short enough for the sync window when nobody answers.
        "PLATEHOST_LOOKUP_TIMEOUT": "4",
        "PLATEHOST_LOOKUP_PROVIDER_TIMEOUT": "60",
        "PLATEHOST_SYNC_WINDOW": "30",
        "PLATEHOST_DVLA_URL": dvla.url,
        "PLATEHOST_DVLA_KEY": dvla.key,
        "PLATEHOST_RDW_URL": rdw.url,
        "PLATEHOST_WEBHOOK_ALLOW": "127.0.0.0/8",
    }
    processes = Processes(folder, server, settings)
    try:
        processes.start("web")
        processes.start("webhooks")
        processes.start("tests.lookup.scripted_worker", "worker")
        processes.wait_ready()
        yield Service(processes, dvla, rdw)
    finally:
        dvla.close()
        rdw.close()
        processes.stop_all()
        server.stop()


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """For tests that do no register harm."""
    with running(tmp_path_factory.mktemp("service")) as made:
        yield made


@pytest.fixture
def own_service(tmp_path: Path) -> Iterator[Service]:
    with running(tmp_path) as made:
        yield made


def test_npr_tells_the_vehicle_that_a_register_knows(service: Service) -> None:
    Register(service.processes.server.client()).add({"MAB123": Registration("register", make="Lada", year=1984)})
    assert service.vehicles("AA19AAA gb", "11ZKZ3 nl", "ER19NFD gb", "MAB123 de") == [
        FORD,
        CITIGO,
        {},
        {"make": "Lada", "year": 1984, "source": "register"},
    ]
    assert service.vehicles("AA19AAA", regions="gb") == [FORD]


def test_where_no_register_knows_the_plate_the_picture_tells(service: Service) -> None:
    assert service.vehicles("AA19AAA gb BMW blue", "ER19BAD gb BMW blue", "DAB123 de Unknown silver") == [
        FORD,
        {"make": "BMW", "colour": "Blue", "source": "picture"},
        {"colour": "Silver", "source": "picture"},
    ]


def test_every_picture_of_a_batch_is_looked_up(service: Service) -> None:
    asked = len(service.rdw.requests)
    files = [("images[]", ("a.jpg", service.picture(each))) for each in ("AA19AAA gb", "00BTV8 nl", "00BTV8 nl")]
    answer = service.post("/api/v1/batch", files)
    british, *dutch = (each["results"][0]["vehicle"] for each in answer.json()["results"])
    assert british == FORD
    assert [each["fuel_type"] for each in dutch] == ["electric", "electric"]
    assert len(service.rdw.requests) == asked + 2, "one plate, two data sets"


def test_the_other_apis_ask_nobody_and_webhooks_of_npr_tell_it(service: Service) -> None:
    receiver = Receiver()
    targets = Targets(service.processes.server.client())
    try:
        target = targets.add("main", receiver.url)
        asked = len(service.dvla.requests)
        snapshot = service.post("/v1/plate-reader/", {"upload": ("car.jpg", service.picture("AA19EEE gb"))})
        assert snapshot.status_code == 201
        assert "registration" not in snapshot.json()["results"][0]
        assert len(service.dvla.requests) == asked
        electric = {**FORD, "fuel_type": "electric"}
        assert service.vehicles("AA19EEE gb") == [electric]
        wait_until(lambda: len(receiver.received) == 2, 30, "both are told")
        targets.remove(target.id)
    finally:
        receiver.close()
    results = [json.loads(each.body)["data"]["results"][0] for each in receiver.received]
    assert [each["registration"] for each in results if "registration" in each] == [electric]


def test_a_hanging_register_holds_up_its_own_job_for_the_limit_and_no_other(service: Service) -> None:
    asked = len(service.dvla.requests)
    service.dvla.gate.clear()
    assert service.vehicles("L2WPS gb") == [{}], "it came without the register's answer"
    assert service.vehicles("11ZKZ3 nl") == [CITIGO]
    snapshot = service.post("/v1/plate-reader/", {"upload": ("car.jpg", service.picture("L2WPS gb"))})
    assert snapshot.status_code == 201
    assert service.dvla.plates[asked:] == ["L2WPS"]
    service.dvla.gate.set()
    rover = {"make": "Rover", "colour": "Blue", "year": 1994, "fuel_type": "diesel", "source": "dvla"}
    wait_until(lambda: service.vehicles("L2WPS gb") == [rover], 30, "the answer that came too late is kept")
    assert service.dvla.plates[asked:] == ["L2WPS"]


def test_metrics_and_logs_tell_of_registers_and_of_no_plate_or_key(service: Service) -> None:
    def counted() -> set[tuple[str, str]]:
        families = metrics_store.read(service.processes.server.client())
        samples = [each for family in families if family.name == "platehost_lookups" for each in family.samples]
        return {(each.labels["register"], each.labels["end"]) for each in samples}

    assert service.vehicles("ER19ERR gb", "ER19NFD gb", "AA19AAA gb") == [{}, {}, FORD]
    told = {("dvla", "known"), ("dvla", "unknown"), ("dvla", "cached"), ("dvla", "failed")}
    wait_until(lambda: told <= counted(), 30, "the counts are reported")
    log = service.processes.log("worker")
    assert '"a register did not answer"' in log
    assert service.dvla.key not in log
    assert "AA19AAA" not in log


def test_a_failing_register_fails_no_recognition(own_service: Service) -> None:
    for trouble in (broken_off, lambda: RUBBISH, lambda: DOWN, lambda: DOWN, lambda: DOWN):
        own_service.dvla.trouble = trouble
        assert own_service.vehicles("AA19AAA gb", "11ZKZ3 nl") == [{}, CITIGO]
    assert len(own_service.dvla.requests) == 3, "after three failures it is left alone"


def test_a_limited_register_is_left_alone_and_a_stopped_worker_ends_what_waits(own_service: Service) -> None:
    dvla, rdw = own_service.dvla, own_service.rdw
    dvla.limit, dvla.retry_after = 1, "600"
    assert own_service.vehicles("AA19AAA gb") == [FORD]
    for plate in ("AA19EEE gb", "L2WPS gb", "AB12CDE gb"):
        assert own_service.vehicles(plate) == [{}]
    assert own_service.vehicles("AA19AAA gb") == [FORD], "what it said is kept"
    assert dvla.plates == ["AA19AAA", "AA19EEE"]

    rdw.gate.clear()
    files = {"upload": ("car.jpg", own_service.picture("11ZKZ3 nl"))}
    answer = own_service.post("/api/v1/recognise", files, headers={"Prefer": "respond-async"})
    assert answer.status_code == 202
    wait_until(lambda: rdw.requests, 30, "the register is asked")
    assert own_service.processes.stop("worker") == 0
    job = own_service.get(answer.json()["status_url"]).json()
    assert job["state"] == "finished"
    assert job["results"][0]["results"][0]["vehicle"] == {}
