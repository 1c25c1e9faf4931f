"""DVLA's Vehicle Enquiry Service: what is asked, and what its answers and errors mean."""

from __future__ import annotations

import json

import pytest

from platehost.address_guard import AddressGuard
from platehost.outbound import Outbound
from platehost.reading import Registration
from tests.lookup.registers import CUT, DOWN, FOREIGN, MOVED, RUBBISH, Dvla, Trouble, broken_off
from worker.lookup import dvla as provider
from worker.lookup.providers import Found, ProviderError


@pytest.fixture
def asked(dvla: Dvla) -> provider.Dvla:
    return provider.Dvla(Outbound(AddressGuard.from_setting("127.0.0.0/8")), dvla.url, dvla.key)


def refusal(asked: provider.Dvla, plate: str = "AA19AAA", seconds: float = 30) -> ProviderError:
    with pytest.raises(ProviderError) as raised:
        asked.find(plate, seconds)
    return raised.value


def test_the_plate_goes_in_the_body_and_the_key_in_its_header(asked: provider.Dvla, dvla: Dvla) -> None:
    asked.find("AA19AAA", 30)
    (request,) = dvla.requests
    assert request.path == "/vehicle-enquiry/v1/vehicles"
    assert json.loads(request.body) == {"registrationNumber": "AA19AAA"}
    assert request.headers["x-api-key"] == dvla.key
    assert request.headers["content-type"] == "application/json"


@pytest.mark.parametrize(
    ("plate", "registration"),
    [
        ("AA19AAA", Registration("dvla", "Ford", None, "Red", 2019, "petrol")),
        ("AA19EEE", Registration("dvla", "Ford", None, "Red", 2019, "electric")),
        ("L2WPS", Registration("dvla", "Rover", None, "Blue", 1994, "diesel")),
        ("ER19NFD", None),
        ("ER19BAD", None),
    ],
)
def test_its_words_become_nprs(asked: provider.Dvla, plate: str, registration: Registration | None) -> None:
    assert asked.find(plate, 30) == Found(registration)


def test_what_it_does_not_tell_is_not_known(asked: provider.Dvla, dvla: Dvla) -> None:
    dvla.vehicles = {"AA19AAA": {"make": "", "colour": "NOT STATED", "yearOfManufacture": "soon"}}
    assert asked.find("AA19AAA", 30) == Found(Registration("dvla"))


@pytest.mark.parametrize(("retry_after", "pause"), [(None, None), ("7", 7.0)])
def test_too_many_requests(asked: provider.Dvla, dvla: Dvla, retry_after: str | None, pause: float | None) -> None:
    dvla.retry_after = retry_after
    error = refusal(asked, "ER19THR")
    assert (error.end, error.pause) == ("limited", pytest.approx(pause) if pause else None)


def test_its_faults_and_maintenance(asked: provider.Dvla, dvla: Dvla) -> None:
    dvla.retry_after = "120"
    assert (refusal(asked, "ER19ERR").end, refusal(asked, "ER19ERR").pause) == ("failed", None)
    assert (refusal(asked, "ER19MNT").end, refusal(asked, "ER19MNT").pause) == ("failed", pytest.approx(120))


def test_a_wrong_key_is_told_without_it(dvla: Dvla) -> None:
    asked = provider.Dvla(Outbound(AddressGuard.from_setting("127.0.0.0/8")), dvla.url, "wrong-key")
    error = refusal(asked)
    assert error.end == "refused"
    assert "wrong-key" not in str(error)


@pytest.mark.parametrize(
    "trouble",
    [lambda: RUBBISH, lambda: CUT, lambda: FOREIGN, lambda: MOVED, lambda: DOWN, broken_off],
    ids=["rubbish", "cut", "foreign", "moved", "down", "broken off"],
)
def test_what_is_no_answer_is_a_failure(asked: provider.Dvla, dvla: Dvla, trouble: Trouble) -> None:
    dvla.trouble = trouble
    error = refusal(asked)
    assert error.end == "failed"
    assert "AA19AAA" not in str(error)
    dvla.trouble = None
    assert asked.find("AA19AAA", 30).registration, "the next request is not spoilt by the last"


def test_another_vehicles_answer_is_none(asked: provider.Dvla, dvla: Dvla) -> None:
    body = json.dumps({"registrationNumber": "AA19EEE", "make": "FORD"}).encode()
    dvla.trouble = lambda: type(RUBBISH)(200, body, {"Content-Type": "application/json"})
    assert "not about the plate" in str(refusal(asked))


def test_a_wrong_address_is_no_unknown_plate(dvla: Dvla) -> None:
    guard = AddressGuard.from_setting("127.0.0.0/8")
    asked = provider.Dvla(Outbound(guard), f"{dvla.root}/somewhere", dvla.key)
    assert refusal(asked).end == "refused"
    dvla.trouble = lambda: type(RUBBISH)(404, b'{"message": "not here"}')
    assert "is the URL right" in str(refusal(asked))


def test_a_register_that_hangs_is_given_up(asked: provider.Dvla, dvla: Dvla) -> None:
    dvla.gate.clear()
    assert "no answer within" in str(refusal(asked, seconds=0.2))
