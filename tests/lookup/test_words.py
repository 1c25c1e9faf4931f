"""Registers' words as NPR has them."""

from __future__ import annotations

from typing import Any

import pytest

from worker.lookup import words


@pytest.mark.parametrize(
    ("told", "make"),
    [
        ("FORD", "Ford"),
        ("MERCEDES-BENZ", "Mercedes-Benz"),
        ("ALFA ROMEO", "Alfa Romeo"),
        ("LAND  ROVER ", "Land Rover"),
        ("BMW", "BMW"),
        ("MG", "MG"),
        ("CITROËN", "Citroën"),
        ("MCLAREN", "McLaren"),
        ("Lynk & Co", "Lynk & Co"),
        ("N.v.t.", None),
        ("", None),
        (None, None),
        (7, None),
    ],
)
def test_makes(told: Any, make: str | None) -> None:
    assert words.make_of(told) == make


@pytest.mark.parametrize(
    ("told", "year"), [(2019, 2019), ("20130104", 2013), ("2013-01", 2013), ("13", None), (0, None), (None, None)]
)
def test_years(told: Any, year: int | None) -> None:
    assert words.year_of(told) == year


@pytest.mark.parametrize(
    ("told", "fuel"),
    [
        ("PETROL", "petrol"),
        ("HEAVY OIL", "diesel"),
        ("ELECTRICITY", "electric"),
        ("HYBRID ELECTRIC", "hybrid"),
        ("ELECTRIC DIESEL", "hybrid"),
        ("FUEL CELLS", "hydrogen"),
        ("GAS BI-FUEL", "gas bi-fuel"),
        ("OTHER", None),
        (None, None),
    ],
)
def test_british_fuels(told: Any, fuel: str | None) -> None:
    assert words.british_fuel(told) == fuel


@pytest.mark.parametrize(
    ("told", "fuel"),
    [
        (["Diesel"], "diesel"),
        (["Benzine", "Elektriciteit"], "hybrid"),
        (["Elektriciteit", "Diesel"], "hybrid"),
        (["Benzine", "LPG"], "petrol/lpg"),
        (["Waterstof", "Elektriciteit"], "hydrogen"),
        (["Benzine", "Benzine"], "petrol"),
        (["Alcohol"], "ethanol"),
        (["Turf"], None),
        ([], None),
    ],
)
def test_dutch_fuels(told: list[str], fuel: str | None) -> None:
    rows = [{"brandstof_volgnummer": str(place), "brandstof_omschrijving": each} for place, each in enumerate(told)]
    assert words.dutch_fuel(rows) == fuel
    assert words.dutch_fuel(rows[::-1]) == fuel, "whatever the order of the rows"


def test_a_hybrids_class_tells_it_too() -> None:
    row = {"brandstof_omschrijving": "Benzine", "klasse_hybride_elektrisch_voertuig": "NOVC-HEV"}
    assert words.dutch_fuel([row]) == "hybrid"


@pytest.mark.parametrize(
    ("told", "colour"), [("GRIJS", "Grey"), ("ZWART", "Black"), ("Niet geregistreerd", None), ("MAUVE", None)]
)
def test_dutch_colours(told: str, colour: str | None) -> None:
    assert words.dutch_colour(told) == colour


@pytest.mark.parametrize(("told", "colour"), [("LIGHT BLUE", "Light blue"), ("NOT STATED", None), (None, None)])
def test_british_colours(told: Any, colour: str | None) -> None:
    assert words.british_colour(told) == colour
