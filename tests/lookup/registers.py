"""The two registers on loopback, in the real ones' shapes: bodies, errors, limits; and every way to fail.

DVLA's answers are those of its test environment (plates AA19AAA, ER19NFD and so on), RDW's those of its open data.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import parse_qs, urlsplit

from tests.webhooks.receiver import Received, Receiver, Reply

Trouble = Callable[[], Reply]

RUBBISH = Reply(200, b"<html><body>Please log in</body></html>", {"Content-Type": "text/html"})
CUT = Reply(200, b'{"registrationNumber": "AA19AA', {"Content-Type": "application/json"})
FOREIGN = Reply(200, b'{"some": ["other", "service"]}', {"Content-Type": "application/json"})
MOVED = Reply(302, b"", {"Location": "http://127.0.0.1:1/"})
DOWN = Reply(502, b"Bad Gateway")


def broken_off() -> Reply:
    """Closes the connection without an answer."""
    raise ConnectionResetError


class Register:
    """`trouble`, when set, takes the place of the register's own answer; `gate`, when it is closed, holds answers."""

    def __init__(self) -> None:
        self.trouble: Trouble | None = None
        self.limit: int | None = None
        self.retry_after: str | None = None
        self.gate = threading.Event()
        self.gate.set()
        self._receiver = Receiver(self._reply)

    @property
    def requests(self) -> list[Received]:
        return self._receiver.received

    @property
    def plates(self) -> list[str]:
        """The plates that it was told, in the order of the requests."""
        return [self.plate_of(each) for each in self.requests]

    @property
    def root(self) -> str:
        return f"http://127.0.0.1:{self._receiver.port}"

    def close(self) -> None:
        self.gate.set()
        self._receiver.close()

    def plate_of(self, received: Received) -> str:
        raise NotImplementedError

    def answer(self, received: Received) -> Reply:
        raise NotImplementedError

    def too_many(self) -> Reply:
        raise NotImplementedError

    def _reply(self, received: Received) -> Reply:
        if not self.gate.is_set():
            self.gate.wait(60)
        if self.trouble:
            return self.trouble()
        if self.limit is not None and len(self.requests) > self.limit:
            return self.too_many()
        return self.answer(received)

    def _json(self, status: int, body: Any, headers: Mapping[str, str] | None = None) -> Reply:
        return Reply(status, json.dumps(body).encode(), {"Content-Type": "application/json", **(headers or {})})

    def _retry_after(self) -> dict[str, str]:
        return {"Retry-After": self.retry_after} if self.retry_after else {}


class Dvla(Register):
    """DVLA's Vehicle Enquiry Service."""

    key = "Zm9yLXRlc3RzLW9ubHk"
    vehicles: Mapping[str, Mapping[str, Any]] = {
        "AA19AAA": {"make": "FORD", "colour": "RED", "fuelType": "PETROL", "yearOfManufacture": 2019},
        "AA19EEE": {"make": "FORD", "colour": "RED", "fuelType": "ELECTRICITY", "yearOfManufacture": 2019},
        "L2WPS": {"make": "ROVER", "colour": "BLUE", "fuelType": "DIESEL", "yearOfManufacture": 1994},
    }

    @property
    def url(self) -> str:
        return f"{self.root}/vehicle-enquiry/v1"

    def plate_of(self, received: Received) -> str:
        return str(json.loads(received.body)["registrationNumber"])

    def too_many(self) -> Reply:
        return self._json(429, {"message": "Too Many Requests"}, self._retry_after())

    def answer(self, received: Received) -> Reply:
        # The gateway in front of it has bodies of its own.
        if received.path != "/vehicle-enquiry/v1/vehicles":
            return self._json(403, {"message": "Missing Authentication Token"})
        if received.headers.get("x-api-key") != self.key:
            return self._json(403, {"message": "Forbidden"})
        if received.headers.get("content-type") != "application/json":
            return self._json(415, {"message": "Unsupported Media Type"})
        plate = self.plate_of(received)
        if plate == "ER19THR":
            return self.too_many()
        if plate == "ER19ERR":
            return self._error(500, "Internal Server Error", "System Error occurred")
        if plate == "ER19MNT":
            return self._error(503, "System currently down for maintenance", "The service is down, contact support")
        if plate == "ER19BAD" or not plate.isalnum() or not plate.isupper():
            return self._error(400, "Bad Request", "Invalid format for field - vehicle registration number")
        if plate not in self.vehicles:
            return self._error(404, "Vehicle Not Found", "Record for vehicle not found")
        rest = {
            "registrationNumber": plate,
            "co2Emissions": 300,
            "engineCapacity": 2000,
            "euroStatus": "EURO1",
            "markedForExport": False,
            "motStatus": "No details held by DVLA",
            "revenueWeight": 0,
            "typeApproval": "M1",
            "taxDueDate": "2027-11-22",
            "taxStatus": "Taxed",
            "wheelplan": "2 AXLE RIGID BODY",
            "monthOfFirstRegistration": "2019-03",
        }
        return self._json(200, {**rest, **self.vehicles[plate]})

    def _error(self, status: int, title: str, detail: str) -> Reply:
        error = {"status": str(status), "code": str(status), "title": title, "detail": detail}
        return self._json(status, {"errors": [error]}, self._retry_after() if status == 503 else None)


class Rdw(Register):
    """RDW's open data, two data sets on Socrata. Every value is a text."""

    vehicles: Mapping[str, Mapping[str, str]] = {
        "11ZKZ3": {
            "voertuigsoort": "Personenauto",
            "merk": "SKODA",
            "handelsbenaming": "CITIGO",
            "eerste_kleur": "GRIJS",
            "tweede_kleur": "Niet geregistreerd",
            "datum_eerste_toelating": "20130104",
        },
        "00BTV8": {
            "voertuigsoort": "Bedrijfsauto",
            "merk": "VOLKSWAGEN",
            "handelsbenaming": "ID. BUZZ CARGO",
            "eerste_kleur": "WIT",
            "tweede_kleur": "N.v.t.",
            "datum_eerste_toelating": "20240614",
        },
        "GK001B": {
            "voertuigsoort": "Personenauto",
            "merk": "TOYOTA",
            "handelsbenaming": "PRIUS",
            "eerste_kleur": "N.v.t.",
            "tweede_kleur": "N.v.t.",
            "datum_eerste_toelating": "20160501",
        },
    }
    fuels: Mapping[str, tuple[Mapping[str, str], ...]] = {
        "11ZKZ3": ({"brandstof_volgnummer": "1", "brandstof_omschrijving": "Benzine"},),
        "00BTV8": ({"brandstof_volgnummer": "1", "brandstof_omschrijving": "Elektriciteit"},),
        "GK001B": (
            {"brandstof_volgnummer": "1", "brandstof_omschrijving": "Benzine"},
            {"brandstof_volgnummer": "2", "brandstof_omschrijving": "Elektriciteit"},
        ),
    }

    def __init__(self) -> None:
        super().__init__()
        self.fuels_down = False

    @property
    def url(self) -> str:
        return f"{self.root}/resource"

    def plate_of(self, received: Received) -> str:
        return parse_qs(urlsplit(received.path).query)["kenteken"][0]

    def too_many(self) -> Reply:
        return self._json(
            429, {"code": "too_many_requests", "error": True, "message": "Throttled"}, self._retry_after()
        )

    def answer(self, received: Received) -> Reply:
        url = urlsplit(received.path)
        plate = self.plate_of(received)
        if url.path == "/resource/m9d7-ebf2.json":
            return self._json(200, self._rows(plate, [self.vehicles[plate]] if plate in self.vehicles else []))
        if url.path == "/resource/8ys7-d773.json":
            if self.fuels_down:
                return self._json(500, {"code": "internal", "error": True, "message": "Internal error"})
            return self._json(200, self._rows(plate, self.fuels.get(plate, ())))
        return self._json(404, {"code": "dataset.missing", "error": True, "message": "Not found"})

    def _rows(self, plate: str, rows: Any) -> list[dict[str, str]]:
        return [{"kenteken": plate, **row} for row in rows]
