"""Recent readings: kept only when asked for, found by wildcards, and gone in time."""

from __future__ import annotations

import io
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
import redis
from PIL import Image

from platehost.blobs import RedisBlobs
from platehost.crops import plate_crops
from platehost.jobs import JobRequest, Jobs
from platehost.reading import Reading
from platehost.recent import PREFIX, RECORD, Recent
from platehost.settings import Settings
from tests.service.scripted import ScriptedReader, plate, run_worker

NOW = datetime.now(UTC)


@pytest.fixture
def keeping(settings: Settings) -> Settings:
    return replace(settings, readings_keep=3600)


@pytest.fixture
def recent(store: redis.Redis, keeping: Settings) -> Recent:
    made = Recent(store, keeping)
    for number, (text, camera) in enumerate([("AB12CDE", "Gate north"), ("AB19XYZ", "gate south"), ("B77", "")]):
        made.add(
            "main", f"job{number}", Reading(640, 480, (plate(text),)), None, camera, NOW - timedelta(minutes=number)
        )
    return made


def _plates(recent: Recent, **fields: object) -> list[str]:
    return [each.plate for each in recent.search("main", **fields).readings]  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        ("", ["AB12CDE", "AB19XYZ", "B77"]),
        ("AB12CDE", ["AB12CDE"]),
        ("ab12 cde", ["AB12CDE"]),
        ("AB*", ["AB12CDE", "AB19XYZ"]),
        ("*7*", ["B77"]),
        ("B7?", ["B77"]),
        ("??1?*", ["AB12CDE", "AB19XYZ"]),
        ("AB", []),
        ("[AB]*", ["AB12CDE", "AB19XYZ"]),
    ],
)
def test_a_plate_is_found_by_wildcards(recent: Recent, wanted: str, found: list[str]) -> None:
    assert _plates(recent, plate=wanted) == found


def test_a_reading_is_found_by_camera_and_time(recent: Recent) -> None:
    assert _plates(recent, camera="GATE") == ["AB12CDE", "AB19XYZ"]
    assert _plates(recent, camera="north") == ["AB12CDE"]
    assert _plates(recent, since=(NOW - timedelta(seconds=90)).timestamp()) == ["AB12CDE", "AB19XYZ"]
    assert _plates(recent, before=(NOW - timedelta(seconds=30)).timestamp()) == ["AB19XYZ", "B77"]


def test_pages_follow_each_other_without_a_gap(store: redis.Redis, keeping: Settings) -> None:
    recent = Recent(store, keeping)
    for number in range(25):
        moment = NOW - timedelta(seconds=number)
        recent.add("main", f"job{number:02}", Reading(640, 480, (plate(f"P{number:02}"),)), None, "", moment)
    seen: list[str] = []
    before = None
    for _ in range(10):
        page = recent.search("main", before=before, most=7)
        seen += [each.plate for each in page.readings]
        before = page.older
        if before is None:
            break
    assert seen == [f"P{number:02}" for number in range(25)]


def test_another_account_sees_nothing(recent: Recent) -> None:
    assert recent.search("shop").readings == []
    assert recent.crop("shop", "job0-0") is None


def test_nothing_is_kept_unless_asked_for(store: redis.Redis, settings: Settings) -> None:
    assert settings.readings_keep == 0
    recent = Recent(store, settings)
    recent.add("main", "job", Reading(640, 480, (plate("AB12CDE"),)), None, "", NOW)
    assert list(store.scan_iter("platehost:reading*")) == []
    assert recent.search("main").readings == []


def test_readings_end_with_their_time(recent: Recent, store: redis.Redis) -> None:
    assert 0 < store.ttl(f"{RECORD}main:job0-0") <= 3600
    assert 0 < store.ttl(f"{PREFIX}main") <= 3600
    old = NOW - timedelta(hours=2)
    store.zadd(f"{PREFIX}main", {"old-0 OLD1 ": old.timestamp()})
    assert "OLD1" not in _plates(recent)
    recent.add("main", "new", Reading(640, 480, (plate("NEW1"),)), None, "", NOW)
    assert store.zscore(f"{PREFIX}main", "old-0 OLD1 ") is None


def test_the_oldest_go_when_there_are_too_many(store: redis.Redis, keeping: Settings) -> None:
    recent = Recent(store, replace(keeping, readings_most=3))
    for number in range(5):
        moment = NOW - timedelta(seconds=10 - number)
        recent.add("main", f"job{number}", Reading(640, 480, (plate(f"P{number}"),)), None, "", moment)
    assert _plates(recent) == ["P4", "P3", "P2"]
    assert not store.exists(f"{RECORD}main:job0-0")


def test_all_can_be_forgotten(recent: Recent, store: redis.Redis) -> None:
    recent.forget("main")
    assert list(store.scan_iter("platehost:reading*")) == []


@pytest.mark.parametrize("keep", [0, 3600])
def test_the_worker_keeps_a_reading_with_its_crop(
    store: redis.Redis, settings: Settings, photo: bytes, keep: int
) -> None:
    settings = replace(settings, readings_keep=keep)
    blobs = RedisBlobs(store)
    jobs = Jobs(store, store, blobs, settings)
    job = jobs.submit(photo, JobRequest("main", "snapshot", echo={"camera_id": "gate"}))
    run_worker(store, settings, ScriptedReader(Reading(1280, 720, (plate("AB12CDE", "gb"),))))
    found = Recent(store, settings).search("main").readings
    assert [(each.plate, each.camera, each.region, each.job) for each in found] == (
        [("AB12CDE", "gate", "gb", job)] if keep else []
    )
    crop = Recent(store, settings).crop("main", f"{job}-0")
    assert (crop is not None) is bool(keep)
    if crop:
        assert Image.open(io.BytesIO(crop)).format == "JPEG"


def test_a_picture_that_cannot_be_read_costs_no_reading(store: redis.Redis, keeping: Settings) -> None:
    recent = Recent(store, keeping)
    recent.add("main", "job", Reading(640, 480, (plate("AB12CDE"),)), b"\xff\xd8\xffnothing", "", NOW)
    assert _plates(recent) == ["AB12CDE"]
    assert recent.crop("main", "job-0") is None


def test_a_crop_is_upright_and_cut_at_the_corners() -> None:
    photo = Image.new("RGB", (400, 300), "white")
    photo.paste((200, 0, 0), (100, 100, 200, 140))
    encoded = io.BytesIO()
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned clockwise
    photo.rotate(90, expand=True).save(encoded, "JPEG", quality=95, exif=exif)
    found = replace(plate("AB"), box=(100, 100, 200, 140), corners=((100, 100), (200, 100), (200, 140), (100, 140)))
    crop = Image.open(io.BytesIO(plate_crops(encoded.getvalue(), [found])[0])).convert("RGB")
    assert crop.width / crop.height == pytest.approx(100 / 40, rel=0.02)
    middle = crop.getpixel((crop.width // 2, crop.height // 2))
    assert isinstance(middle, tuple)
    assert middle[0] > 150 > 100 > middle[1]
