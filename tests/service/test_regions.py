"""National spacing, only where it is certain."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from platehost import regions


@pytest.mark.parametrize(
    ("text", "region", "printed"),
    [
        ("AB12CDE", "gb", "AB12 CDE"),
        ("P123ABC", "gb", "P123 ABC"),
        ("AB123CD", "fr", "AB-123-CD"),
        ("12GBHD", "nl", "12-GB-HD"),
        ("KR12345", "pl", "KR 12345"),
        ("B06ABC", "ro", "B 06 ABC"),
        ("MH12AB1234", "in", "MH 12 AB 1234"),
        ("ABC1234", "us-ny", "ABC-1234"),
        ("ABC1234", "br-sp", "ABC-1234"),
        ("BRA2E19", "br", "BRA2E19"),
        ("7ABC234", "us-ca", "7ABC234"),
        ("MAB123", "de", "MAB123"),  # M AB 123 or MA B 123
        ("AB12CDE", None, "AB12CDE"),
        ("AB12CDE", "nowhere", "AB12CDE"),
        ("", "gb", ""),
    ],
)
def test_a_plate_is_spaced_as_printed(text: str, region: str | None, printed: str) -> None:
    assert regions.spaced(text, region) == printed


@given(st.text("ABXZ0189", max_size=10), st.sampled_from(sorted(regions._table())))
def test_spacing_only_adds_gaps_inside(text: str, region: str) -> None:
    printed = regions.spaced(text, region)
    assert "".join(each for each in printed if each not in regions.GAPS) == text
    assert printed.strip(regions.GAPS) == printed


@pytest.mark.parametrize(
    ("text", "region", "fits"),
    [
        ("AB12CDE", "gb", True),
        ("L2WPS", "gb", True),
        ("11ZKZ3", "nl", True),
        ("7ABC234", "us-ca", True),
        ("11ZKZ3", "gb", False),
        ("AB12CDE", "nl", False),
        ("AB12CDE", "nowhere", False),
        ("", "gb", False),
    ],
)
def test_a_plate_has_the_shape_of_a_region_or_not(text: str, region: str, fits: bool) -> None:
    assert regions.fits(text, region) == fits


def test_a_region_stands_inside_others() -> None:
    assert list(regions.enclosing("US-CA")) == ["us-ca", "us"]
    assert list(regions.enclosing("xx")) == []


def test_codes_are_known_in_any_case_and_dash() -> None:
    assert regions.normalise(" US-CA ") == "us-ca"
    assert regions.normalise("br-sc") == regions.normalise("BR_SC") == "br_sc"
    assert regions.normalise("xx") is None
    assert regions.normalise("") is None
    assert (regions.name("de"), regions.name("xx")) == ("Germany", None)
    assert len(regions._table()) > 400


@pytest.mark.parametrize(
    "code",
    [
        "gp",
        "np",
        "ga",
        "cy",
        "cb",
        "kh",
        "th-10b",
        "th-10c",
        "br_sc",
        "bh",
        "eg",
        "gh",
        "jp",
        "kw",
        "om",
        "tw",
        "au-act",
    ],
)
def test_the_codes_that_clients_send_are_known_be_they_odd_or_new(code: str) -> None:
    assert regions.normalise(code) == code
    assert regions.name(code)


@pytest.mark.parametrize(
    ("code", "meant"),
    [
        ("GZ", ("eg",)),
        (" ALX ", ("eg",)),
        ("C", ("eg",)),
        ("gz", ()),
        ("DK", ("dk", "eg")),
        ("dk", ("dk",)),
        ("EG", ("eg",)),
        ("GB", ("gb",)),
        ("XX", ()),
    ],
)
def test_egypts_governorates_are_upper_case(code: str, meant: tuple[str, ...]) -> None:
    assert regions.meant(code) == meant


def test_every_governorate_of_egypt_is_known() -> None:
    assert len(regions.EGYPTS_GOVERNORATES) == 27
    assert all("eg" in regions.meant(each) for each in regions.EGYPTS_GOVERNORATES)
