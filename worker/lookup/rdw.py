"""The Netherlands' register: RDW's open data on Socrata. It takes no key; an app token raises its limit."""

from __future__ import annotations

import time
from typing import Any

from platehost.outbound import Outbound
from platehost.reading import Registration
from worker.lookup import words
from worker.lookup.providers import Found, ProviderError, fetch, parsed

# The data sets of registered vehicles and of their fuels.
_VEHICLES = "m9d7-ebf2"
_FUELS = "8ys7-d773"


class Rdw:
    """GET {url}/DATASET.json?kenteken=PLATE: a list of rows whose values are all texts; empty for an unknown plate."""

    name = "rdw"

    def __init__(self, outbound: Outbound, url: str, token: str = "") -> None:
        self._outbound = outbound
        self._url = url.rstrip("/")
        self._headers = {"Accept": "application/json", **({"X-App-Token": token} if token else {})}

    def find(self, plate: str, seconds: float) -> Found:
        """See worker.lookup.providers.Provider. Without the second data set's answer, all but the fuel is told."""
        ends = time.monotonic() + seconds
        rows = self._rows(_VEHICLES, plate, seconds)
        if not rows:
            return Found(None)
        fuel, whole = None, False
        try:
            left = ends - time.monotonic()
            if left > 0:
                fuel, whole = words.dutch_fuel(self._rows(_FUELS, plate, left)), True
        except ProviderError as error:
            if error.end != "failed":
                raise
        vehicle = rows[0]
        return Found(
            Registration(
                source=self.name,
                make=words.make_of(vehicle.get("merk")),
                model=words.text_of(vehicle.get("handelsbenaming")),
                colour=words.dutch_colour(vehicle.get("eerste_kleur")),
                year=words.year_of(vehicle.get("datum_eerste_toelating")),
                fuel_type=fuel,
            ),
            whole,
        )

    def _rows(self, dataset: str, plate: str, seconds: float) -> list[dict[str, Any]]:
        url = f"{self._url}/{dataset}.json?kenteken={plate}"
        answer = fetch(self._outbound, "GET", url, plate=plate, headers=self._headers, seconds=seconds)
        if answer.status != 200:
            raise ProviderError(f"status {answer.status}; is the URL right?")
        rows = parsed(answer)
        if not isinstance(rows, list) or not all(isinstance(each, dict) for each in rows):
            raise ProviderError("the answer is no list of rows")
        if any(each.get("kenteken") != plate for each in rows):
            raise ProviderError("the answer is not about the plate")
        return rows
