"""The options of HTTP and command line: defaults, spellings, limits."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from platehost.options import OptionError, Options, parse_bool, parse_options

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=10,
)
KEYS = [
    "region",
    "threshold_d",
    "threshold_o",
    "mode",
    "detection_rule",
    "detection_mode",
    "text_formats",
    "plates_per_vehicle",
    "zoom_in_vehicles",
]


def test_nothing_means_the_defaults() -> None:
    assert parse_options() == Options()
    assert parse_options(regions=[""], mmc="", config="") == Options()
    assert parse_options(config="{}") == parse_options(config=None) == parse_options(config="null") == Options()


def test_every_key_of_the_config_has_its_place() -> None:
    config = {
        "region": "strict",
        "threshold_d": 0.3,
        "threshold_o": "0.7",
        "mode": "Redaction",
        "detection_rule": "strict",
        "detection_mode": "vehicle",
        "text_formats": ["[0-9]{3,4}[a-z]{3}"],
        "plates_per_vehicle": 2,
        "zoom_in_vehicles": 0,
        "unknown": {"ignored": True},
    }
    expected = Options(
        region_strict=True,
        threshold_d=0.3,
        threshold_o=0.7,
        mode="redaction",
        detection_rule="strict",
        detection_mode="vehicle",
        text_formats=("[0-9]{3,4}[a-z]{3}",),
        plates_per_vehicle=2,
        zoom_in_vehicles=0,
    )
    assert parse_options(config=config) == parse_options(config=json.dumps(config)) == expected


def test_a_governorate_of_egypt_may_be_a_country_too() -> None:
    assert parse_options(regions=["DK,GZ", "dk"]).regions == ("dk", "eg")


def test_regions_come_repeated_or_in_lists_and_unknown_ones_are_ignored() -> None:
    assert parse_options(regions=["gb", "US-CA, br-sc", "", "zz", "gb"]).regions == ("gb", "us-ca", "br_sc")


def test_a_list_of_regions_may_be_written_as_json() -> None:
    assert parse_options(regions=['["gb", "us-ca"]', "['de']", "[]"]).regions == ("gb", "us-ca", "de")


@pytest.mark.parametrize(
    "junk", ["x" * 33, "x" * 200, "gb,\u00a7$%&", "*", '{"a": 1}', "g\u00df", "gb.de", 7, True, None, ["gb"]]
)
def test_what_cannot_be_a_region_is_refused(junk: Any) -> None:
    with pytest.raises(OptionError) as refused:
        parse_options(regions=[junk])
    assert refused.value.field == "regions"
    assert len(str(refused.value)) < 200


def test_unknown_regions_are_refused_where_nobody_relies_on_them() -> None:
    with pytest.raises(OptionError, match="'zz' is not a known region"):
        parse_options(regions=["gb", "zz"], known_regions_only=True)
    assert parse_options(regions=["gb,,DK", ""], known_regions_only=True).regions == ("gb", "dk", "eg")


@pytest.mark.parametrize(
    ("value", "expected"),
    [("true", True), ("True", True), (True, True), ("1", True), ("False", False), (False, False), (None, False)],
)
def test_booleans_in_every_spelling(value: Any, expected: bool) -> None:
    assert parse_bool("mmc", value) is expected


@given(
    regions=st.lists(JSON, max_size=5),
    mmc=JSON,
    config=JSON | st.text() | st.fixed_dictionaries({}, optional=dict.fromkeys(KEYS, JSON)),
)
def test_anything_gives_options_or_an_error_that_names_its_field(regions: list[Any], mmc: Any, config: Any) -> None:
    refused = None
    try:
        options = parse_options(regions=regions, mmc=mmc, config=config)
    except OptionError as error:
        refused = error
    if refused:
        assert refused.field in {"regions", "mmc", "config"}
        assert str(refused)
    else:
        assert 0 <= options.threshold_d <= 1
        assert Options.from_json(json.loads(json.dumps(options.to_json()))) == options
