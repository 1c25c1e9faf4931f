"""NPR's `vehicle`: from a register, otherwise from the picture, and marked as such."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from platehost.reading import Colour, Model, Plate, Reading, Registration, Vehicle
from platehost.renderings import npr, snapshot
from tests.service.scripted import plate

BOX = (10.0, 20.0, 300.0, 200.0)
SEEN = Vehicle(
    "Sedan",
    0.9,
    BOX,
    models=(Model("BMW", "3 Series", 0.8), Model("Audi", "A4", 0.1)),
    colours=(Colour("silver", 0.7), Colour("white", 0.2)),
)


def vehicle(shown: Plate) -> dict[str, Any]:
    (result,) = npr.render(Reading(640, 480, (shown,)))["results"]
    found: dict[str, Any] = result["vehicle"]
    return found


@pytest.mark.parametrize(
    ("registration", "shown"),
    [
        (
            Registration("dvla", "Ford", None, "Red", 2019, "petrol"),
            {"make": "Ford", "colour": "Red", "year": 2019, "fuel_type": "petrol", "source": "dvla"},
        ),
        (Registration("register", model="Niva"), {"model": "Niva", "source": "register"}),
        (Registration("rdw"), {}),
    ],
)
def test_a_register_is_believed_before_the_picture(registration: Registration, shown: dict[str, Any]) -> None:
    known = replace(plate("AB12CDE"), registration=registration, vehicle=SEEN)
    assert vehicle(known) == shown
    assert list(vehicle(known)) == list(shown), "in the order of the API"


@pytest.mark.parametrize(
    ("seen", "shown"),
    [
        (SEEN, {"make": "BMW", "model": "3 Series", "colour": "Silver", "source": "picture"}),
        (replace(SEEN, models=()), {"colour": "Silver", "source": "picture"}),
        (replace(SEEN, models=(Model("BMW", "X5", 0.4),)), {"colour": "Silver", "source": "picture"}),
        (replace(SEEN, models=(), colours=(Colour("red", 0.4),)), {}),
        (replace(SEEN, colours=(Colour("unknown", 0.5),)), {"make": "BMW", "model": "3 Series", "source": "picture"}),
        (replace(SEEN, models=(Model("BMW", "Unknown", 0.8),), colours=()), {"make": "BMW", "source": "picture"}),
        (replace(SEEN, models=(Model("Unknown", "Unknown", 0.8),), colours=()), {}),
        (
            replace(SEEN, models=(Model("BMW", "3 Series", 0.8, 2012),)),
            {"make": "BMW", "model": "3 Series", "colour": "Silver", "year": 2012, "source": "picture"},
        ),
        (
            replace(SEEN, models=(Model("BMW", "Unknown", 0.8, 2012),), colours=()),
            {"make": "BMW", "source": "picture"},
        ),
        (Vehicle("Van", 0.9, BOX), {}),
        (None, {}),
    ],
)
def test_without_a_register_the_picture_tells_what_it_shows(seen: Vehicle | None, shown: dict[str, Any]) -> None:
    assert vehicle(replace(plate("AB12CDE"), vehicle=seen)) == shown


def test_the_snapshot_api_is_told_only_where_a_register_was_asked() -> None:
    echo = {"filename": "a.jpg", "camera_id": None, "timestamp": "2026-11-22T00:00:00Z"}
    known = replace(plate("AB12CDE"), registration=Registration("dvla", "Ford"))
    with_it, without = snapshot.render(Reading(640, 480, (known, plate("AB12CDE"))), mmc=False, echo=echo)["results"]
    assert with_it["registration"] == {"make": "Ford", "source": "dvla"}
    assert "registration" not in without
