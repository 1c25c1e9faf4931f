"""Which register is told of which plate."""

from __future__ import annotations

from dataclasses import replace

import pytest

from platehost.settings import SettingError, Settings
from worker.lookup.lookups import open_lookups
from worker.lookup.rules import Rules, check

BOTH = Rules.from_setting("register, GB=dvla ,nl=RDW")


def test_nothing_is_asked_by_default() -> None:
    assert Settings().lookup == ""
    assert not Rules.from_setting("")
    assert open_lookups(Settings(), None) is None


def test_the_setting_names_registers_by_region() -> None:
    assert Rules(register=True, by_region={"gb": "dvla", "nl": "rdw"}) == BOTH
    assert Rules.from_setting("register") == Rules(register=True)
    assert not Rules.from_setting("gb=dvla").register


@pytest.mark.parametrize(
    ("text", "given", "predicted", "provider"),
    [
        ("AB12CDE", [], "gb", "dvla"),
        ("11ZKZ3", [], "nl", "rdw"),
        ("AB12CDE", ["gb"], None, "dvla"),
        ("AB12CDE", ["gb"], "nl", "dvla"),  # the request comes before the reader
        ("AB12CDE", ["de", "gb"], None, "dvla"),
        ("11ZKZ3", ["gb"], "nl", "rdw"),  # a guest: the request's region does not fit, the reader's does
        ("11ZKZ3", ["gb", "nl"], None, "rdw"),
        ("AB12CDE", [], None, None),  # nobody says where it is from
        ("AB12CDE", [], "de", None),  # no provider there
        ("11ZKZ3", ["gb"], "gb", None),  # fits neither
        ("AB12CDE", ["nl"], "nl", None),
        ("QQQQQQQQ", ["gb", "nl"], "gb", None),
        ("", ["gb"], "gb", None),
        ("AB12CDE", ["nowhere"], "unknown", None),
    ],
)
def test_a_plate_goes_to_the_register_of_a_region_that_it_fits(
    text: str, given: list[str], predicted: str | None, provider: str | None
) -> None:
    assert BOTH.choose(text, given, predicted) == provider


def test_a_text_that_fits_two_given_regions_is_the_readers() -> None:
    both = Rules.from_setting("gb=dvla,nl=rdw")
    # LL DD DD is a Dutch plate, LL DDDD one of Northern Ireland.
    assert both.choose("AB1234", ["gb", "nl"], "nl") == "rdw"
    assert both.choose("AB1234", ["gb", "nl"], "gb") == "dvla"
    assert both.choose("AB1234", ["gb", "nl"], None) == "dvla"


def test_a_part_of_a_country_has_its_countrys_register() -> None:
    assert Rules.from_setting("us=rdw").choose("7ABC234", [], "us-ca") == "rdw"
    assert Rules.from_setting("us-ca=rdw").choose("7ABC234", [], "us") is None


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("dvla", "a region with its provider"),
        ("xx=dvla", "'xx'"),
        ("gb=dlva", "'dlva'"),
        ("gb=register", "'register'"),
        ("gb=dvla,gb=rdw", "two providers for gb"),
        ("gb=", "''"),
    ],
)
def test_a_faulty_setting_is_told_with_its_name(text: str, told: str) -> None:
    with pytest.raises(SettingError, match=r"^PLATEHOST_LOOKUP ") as raised:
        Rules.from_setting(text)
    assert told in str(raised.value)


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"dvla_key": ""}, "PLATEHOST_DVLA_KEY"),
        ({"dvla_key": "a\nb"}, "PLATEHOST_DVLA_KEY"),
        ({"rdw_token": "schlüssel"}, "PLATEHOST_RDW_TOKEN"),
        ({"dvla_url": "ftp://host"}, "PLATEHOST_DVLA_URL"),
        ({"dvla_url": "https://"}, "PLATEHOST_DVLA_URL"),
        ({"rdw_url": "https://host/path?x=1"}, "PLATEHOST_RDW_URL"),
    ],
)
def test_what_a_provider_needs_is_looked_at_before_work_begins(changes: dict[str, str], named: str) -> None:
    settings = replace(Settings(), lookup="gb=dvla,nl=rdw", dvla_key="secret-key")
    assert check(settings)
    with pytest.raises(SettingError, match=named) as raised:
        check(replace(settings, **changes))
    assert "secret" not in str(raised.value)
    assert not check(replace(settings, lookup="", **changes)), "and not without a wish for one"
