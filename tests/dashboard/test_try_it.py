"""What the page of a tried photo tells of vehicles, with a scripted core."""

from __future__ import annotations

import dataclasses
import html
import io
import json
import re

import pytest
import redis
from flask.testing import FlaskClient

from platehost.accounts import Accounts
from platehost.plans import Plans
from platehost.reading import Failure, Reading, Vehicle
from platehost.settings import Settings
from tests.dashboard.support import send
from tests.service.scripted import ScriptedReader, plate, run_worker, vehicle
from tests.service.support import SAMPLE

NOTHING = Vehicle("Unknown", 0.5, (300.0, 10.0, 639.0, 400.0))


@pytest.fixture
def settings(settings: Settings) -> Settings:
    return dataclasses.replace(settings, sync_window=0)


class Tried:
    """One photo that was tried: what the core was asked for, and the page without its tags."""

    def __init__(
        self, owner: FlaskClient, store: redis.Redis, settings: Settings, reading: Reading, **fields: str
    ) -> None:
        answer = send(owner, "/dashboard/try", upload=(io.BytesIO(SAMPLE.read_bytes()), "a.jpg"), **fields)
        assert answer.status_code == 303, answer.text
        reader = ScriptedReader(reading)
        run_worker(store, settings, reader)
        (self.options,) = reader.options
        self.page = owner.get(answer.headers["Location"]).text
        self.facts = [
            (name, " ".join(html.unescape(re.sub(r"<[^>]+>", " ", told)).split()))
            for name, told in re.findall(r"<dt>([^<]+)</dt><dd>(.*?)</dd>", self.page, re.DOTALL)
        ]
        self.boxes = re.findall(r'class="vehicle-box" x="([\d.]+)" y="([\d.]+)" width="([\d.]+)"', self.page)

    def answer(self, name: str) -> dict[str, object]:
        found = re.search(rf'aria-label="Answer of the {name}">(.*?)</code>', self.page, re.DOTALL)
        assert found
        body: dict[str, object] = json.loads(html.unescape(found[1]))
        return body


def test_a_plates_vehicle_is_drawn_and_told(owner: FlaskClient, store: redis.Redis, settings: Settings) -> None:
    seen = dataclasses.replace(plate("AB12CDE", "gb"), vehicle=vehicle())
    tried = Tried(owner, store, settings, Reading(640, 480, (seen,)))
    assert (tried.options.mmc, tried.options.detection_mode) == (True, "plate")
    assert tried.facts[3:] == [
        ("Vehicle", "Sedan (80.0 %)"),
        ("Make and model", "BMW 3 Series (61.2 %)"),
        ("Colour", "silver (72.3 %)"),
        ("Side", "Rear (93.2 %)"),
        ("Model year", "2012 (82.2 %)"),
    ]
    assert tried.boxes == [("0.2", "1.0", "200.2")]
    assert "mmc=true" in tried.page
    (result,) = tried.answer("Snapshot API")["results"]  # type: ignore[misc]
    assert result["color"][0]["color"] == "silver"
    (result,) = tried.answer("NPR API")["results"]  # type: ignore[misc]
    assert result["vehicle"]["source"] == "picture"


@pytest.mark.parametrize(
    ("seen", "facts"),
    [
        (None, [("Vehicle", "none found")]),
        (
            NOTHING,
            [
                ("Vehicle", "type not known"),
                ("Make and model", "not known"),
                ("Colour", "not known"),
                ("Side", "not known"),
            ],
        ),
    ],
)
def test_what_is_not_known_is_said_so(
    owner: FlaskClient, store: redis.Redis, settings: Settings, seen: Vehicle | None, facts: list[tuple[str, str]]
) -> None:
    reading = Reading(640, 480, (dataclasses.replace(plate("AB12CDE"), vehicle=seen),))
    assert Tried(owner, store, settings, reading).facts[3:] == facts


def test_without_mmc_in_the_plan_the_type_is_told_alone(
    owner: FlaskClient, store: redis.Redis, settings: Settings
) -> None:
    Plans(store).add("small", mmc=False)
    Accounts(store).change("main", plan="small")
    seen = dataclasses.replace(plate("AB12CDE"), vehicle=vehicle())
    tried = Tried(owner, store, settings, Reading(640, 480, (seen,)))
    assert tried.options.mmc is False
    assert [name for name, _ in tried.facts[3:]] == ["Vehicle"]
    assert "mmc=true" not in tried.page


def test_vehicles_without_a_plate_are_shown_when_asked_for(
    owner: FlaskClient, store: redis.Redis, settings: Settings
) -> None:
    reading = Reading(640, 480, (plate("AB12CDE"),), bare_vehicles=(vehicle("Front"), NOTHING))
    tried = Tried(owner, store, settings, reading, vehicles="yes")
    assert tried.options.detection_mode == "vehicle"
    assert "1 plate and 2 vehicles without one" in tried.page
    assert len(tried.boxes) == 2
    assert tried.page.count("Without a plate") == 2
    assert ("Side", "Front (93.2 %)") in tried.facts
    results = tried.answer("Snapshot API")["results"]
    assert [each["plate"] is None for each in results] == [False, True, True]  # type: ignore[attr-defined]
    assert "detection_mode" in tried.page


def test_a_region_that_nobody_knows_is_told(owner: FlaskClient) -> None:
    photo = (io.BytesIO(SAMPLE.read_bytes()), "a.jpg")
    answer = send(owner, "/dashboard/try", upload=photo, regions="gb, narnia", vehicles="yes")
    assert answer.status_code == 400
    assert "&#39;narnia&#39; is not a known region" in answer.text
    assert 'value="gb, narnia"' in answer.text
    assert 'name="vehicles" value="yes" checked' in answer.text


def test_a_photo_that_the_worker_refused_is_told_and_never_decoded_here(
    owner: FlaskClient, store: redis.Redis, settings: Settings
) -> None:
    answer = send(owner, "/dashboard/try", upload=(io.BytesIO(SAMPLE.read_bytes()), "a.jpg"))
    shown = answer.headers["Location"]
    run_worker(store, settings, ScriptedReader(Failure("image_too_large", "The picture has too many pixels.")))
    page = owner.get(shown)
    assert page.status_code == 400
    assert "The picture has too many pixels." in page.text
    # The photo is still kept and could be decoded: it is not, since the worker would not.
    assert owner.get(f"{shown}/photo").status_code == 404
    assert owner.get(f"{shown}/plate/1").status_code == 404


def test_a_used_up_month_is_told_with_its_end(owner: FlaskClient, store: redis.Redis, settings: Settings) -> None:
    Plans(store).add("tiny", calls=1)
    Accounts(store).change("main", plan="tiny")
    Tried(owner, store, settings, Reading(640, 480, (plate("AB12CDE"),)))
    answer = send(owner, "/dashboard/try", upload=(io.BytesIO(SAMPLE.read_bytes()), "a.jpg"))
    assert answer.status_code == 403
    assert "The plan gives 1 calls a month." in answer.text
    assert re.search(r"New ones come on \d{4}-\d\d-01 \(UTC\)", answer.text)
