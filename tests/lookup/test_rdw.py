"""RDW's open data: what is asked of its two data sets, and what their answers and errors mean."""

from __future__ import annotations

import pytest

from platehost.address_guard import AddressGuard
from platehost.outbound import Outbound
from platehost.reading import Registration
from tests.lookup.registers import CUT, DOWN, FOREIGN, MOVED, RUBBISH, Rdw, Trouble, broken_off
from worker.lookup import rdw as provider
from worker.lookup.providers import Found, ProviderError

CITIGO = Registration("rdw", "Skoda", "CITIGO", "Grey", 2013, "petrol")


@pytest.fixture
def asked(rdw: Rdw) -> provider.Rdw:
    return provider.Rdw(Outbound(AddressGuard.from_setting("127.0.0.0/8")), rdw.url)


def refusal(asked: provider.Rdw, seconds: float = 30) -> ProviderError:
    with pytest.raises(ProviderError) as raised:
        asked.find("11ZKZ3", seconds)
    return raised.value


def test_both_data_sets_are_asked_for_the_plate(asked: provider.Rdw, rdw: Rdw) -> None:
    asked.find("11ZKZ3", 30)
    assert [each.path for each in rdw.requests] == [
        "/resource/m9d7-ebf2.json?kenteken=11ZKZ3",
        "/resource/8ys7-d773.json?kenteken=11ZKZ3",
    ]
    assert all("x-app-token" not in each.headers for each in rdw.requests)


def test_an_app_token_goes_with_every_request(rdw: Rdw) -> None:
    provider.Rdw(Outbound(AddressGuard.from_setting("127.0.0.0/8")), rdw.url, "token").find("11ZKZ3", 30)
    assert [each.headers["x-app-token"] for each in rdw.requests] == ["token", "token"]


@pytest.mark.parametrize(
    ("plate", "registration"),
    [
        ("11ZKZ3", CITIGO),
        ("00BTV8", Registration("rdw", "Volkswagen", "ID. BUZZ CARGO", "White", 2024, "electric")),
        ("GK001B", Registration("rdw", "Toyota", "PRIUS", None, 2016, "hybrid")),
    ],
)
def test_its_words_become_nprs(asked: provider.Rdw, plate: str, registration: Registration) -> None:
    assert asked.find(plate, 30) == Found(registration)


def test_an_empty_list_is_an_unknown_plate_and_one_request(asked: provider.Rdw, rdw: Rdw) -> None:
    assert asked.find("99XXX9", 30) == Found(None)
    assert rdw.plates == ["99XXX9"]


def test_without_its_fuels_the_rest_is_told(asked: provider.Rdw, rdw: Rdw) -> None:
    rdw.fuels_down = True
    found = asked.find("11ZKZ3", 30)
    assert not found.whole
    assert found.registration == Registration("rdw", "Skoda", "CITIGO", "Grey", 2013, None)


@pytest.mark.parametrize(("retry_after", "pause"), [(None, None), ("7", 7.0)])
@pytest.mark.parametrize("limit", [0, 1])
def test_too_many_requests(
    asked: provider.Rdw, rdw: Rdw, limit: int, retry_after: str | None, pause: float | None
) -> None:
    """Also when the limit is met between the two."""
    rdw.limit, rdw.retry_after = limit, retry_after
    error = refusal(asked)
    assert (error.end, error.pause) == ("limited", pytest.approx(pause) if pause else None)
    assert len(rdw.requests) == limit + 1


@pytest.mark.parametrize(
    "trouble",
    [lambda: RUBBISH, lambda: CUT, lambda: FOREIGN, lambda: MOVED, lambda: DOWN, broken_off],
    ids=["rubbish", "cut", "foreign", "moved", "down", "broken off"],
)
def test_what_is_no_answer_is_a_failure(asked: provider.Rdw, rdw: Rdw, trouble: Trouble) -> None:
    rdw.trouble = trouble
    error = refusal(asked)
    assert error.end == "failed"
    assert "11ZKZ3" not in str(error)
    rdw.trouble = None
    assert asked.find("11ZKZ3", 30) == Found(CITIGO), "the next request is not spoilt by the last"


def test_a_wrong_address_is_no_unknown_plate(rdw: Rdw) -> None:
    asked = provider.Rdw(Outbound(AddressGuard.from_setting("127.0.0.0/8")), f"{rdw.root}/elsewhere")
    assert "is the URL right" in str(refusal(asked))


def test_a_register_that_hangs_is_given_up(asked: provider.Rdw, rdw: Rdw) -> None:
    rdw.gate.clear()
    assert "no answer within" in str(refusal(asked, seconds=0.2))
