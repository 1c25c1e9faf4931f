"""The United Kingdom's register: DVLA's Vehicle Enquiry Service, version 1. It takes a key, and tells no model."""

from __future__ import annotations

import json

from platehost.outbound import Outbound
from platehost.reading import Registration
from worker.lookup import words
from worker.lookup.providers import Found, ProviderError, fetch, parsed


class Dvla:
    """POST {url}/vehicles with the plate in the body, so that it stands in no access log on its way."""

    name = "dvla"

    def __init__(self, outbound: Outbound, url: str, key: str) -> None:
        self._outbound = outbound
        self._url = f"{url.rstrip('/')}/vehicles"
        self._headers = {"x-api-key": key, "Content-Type": "application/json", "Accept": "application/json"}

    def find(self, plate: str, seconds: float) -> Found:
        """See worker.lookup.providers.Provider."""
        body = json.dumps({"registrationNumber": plate}).encode()
        answer = fetch(
            self._outbound, "POST", self._url, plate=plate, headers=self._headers, body=body, seconds=seconds
        )
        told = parsed(answer)
        if answer.status != 200:
            # 404: no such vehicle. 400: not the form of a British plate. A wrong address has no such body.
            if isinstance(told, dict) and isinstance(told.get("errors"), list):
                return Found(None)
            raise ProviderError(f"status {answer.status} without the service's own errors; is the URL right?")
        if not isinstance(told, dict) or told.get("registrationNumber") != plate:
            raise ProviderError("the answer is not about the plate")
        return Found(
            Registration(
                source=self.name,
                make=words.make_of(told.get("make")),
                colour=words.british_colour(told.get("colour")),
                year=words.year_of(told.get("yearOfManufacture")),
                fuel_type=words.british_fuel(told.get("fuelType")),
            )
        )
