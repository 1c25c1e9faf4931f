"""Readings survive the store, and their boxes lie inside the picture in every rendering."""

from __future__ import annotations

import json

from hypothesis import given
from hypothesis import strategies as st

from platehost.reading import (
    Candidate,
    Colour,
    Failure,
    Model,
    Orientation,
    Outcome,
    Plate,
    Reading,
    Region,
    Registration,
    Vehicle,
    from_json,
    to_json,
)
from platehost.renderings import npr, snapshot
from platehost.renderings.boxes import whole_pixels

scores = st.floats(0, 1)
sides = st.integers(1, 20_000)
coordinates = st.floats(-30_000, 30_000)
boxes = st.tuples(coordinates, coordinates, coordinates, coordinates)
texts = st.text("ABCXYZ0189", max_size=10)
vehicles = st.builds(
    Vehicle,
    type=st.just("Sedan"),
    score=scores,
    box=boxes,
    models=st.lists(
        st.builds(Model, st.text(), st.text(), scores, st.none() | st.integers(1950, 2050)), max_size=3
    ).map(tuple),
    colours=st.lists(st.builds(Colour, st.sampled_from(["black", "unknown"]), scores), max_size=3).map(tuple),
    orientations=st.lists(
        st.builds(Orientation, st.sampled_from(["Front", "Rear", "Unknown"]), scores), max_size=3
    ).map(tuple),
    type_score=scores,
)
words = st.none() | st.text(min_size=1)
registrations = st.builds(
    Registration,
    source=st.sampled_from(["register", "dvla", "rdw"]),
    make=words,
    model=words,
    colour=words,
    year=st.none() | st.integers(1900, 2100),
    fuel_type=words,
)
plates = st.builds(
    Plate,
    box=boxes,
    dscore=scores,
    text=texts,
    score=scores,
    candidates=st.lists(st.builds(Candidate, texts, scores), max_size=3).map(tuple),
    corners=st.none() | st.tuples(*[st.tuples(coordinates, coordinates)] * 4),
    char_scores=st.lists(scores, max_size=3).map(tuple),
    region=st.none() | st.builds(Region, st.sampled_from(["gb", "us-ca", "zz"]), scores),
    vehicle=st.none() | vehicles,
    registration=st.none() | registrations,
)
readings = st.builds(
    Reading,
    width=sides,
    height=sides,
    plates=st.lists(plates, max_size=3).map(tuple),
    timings=st.dictionaries(st.sampled_from(["decode", "detect"]), st.floats(0, 1e4)),
    bare_vehicles=st.lists(vehicles, max_size=2).map(tuple),
)


@given(readings | st.builds(Failure, st.text(), st.text()))
def test_an_outcome_survives_the_store(outcome: Outcome) -> None:
    assert from_json(json.loads(json.dumps(to_json(outcome)))) == outcome


def test_a_reading_of_an_earlier_version_is_understood() -> None:
    plate = Plate((1.0, 2.0, 3.0, 4.0), 0.9, "AB12CDE", 0.9, vehicle=Vehicle("Sedan", 0.8, (0.0, 0.0, 9.0, 9.0)))
    stored = to_json(Reading(9, 9, (plate,)))
    (old,) = stored["reading"]["plates"]
    del old["registration"], old["vehicle"]["models"], old["vehicle"]["colours"]
    assert from_json(json.loads(json.dumps(stored))) == Reading(9, 9, (plate,))


@given(boxes, sides, sides)
def test_boxes_are_whole_pixels_inside_the_picture(
    box: tuple[float, float, float, float], width: int, height: int
) -> None:
    xmin, ymin, xmax, ymax = whole_pixels(box, width, height)
    assert 0 <= xmin < xmax <= width
    assert 0 <= ymin < ymax <= height


@given(readings, st.booleans())
def test_every_reading_has_the_fields_that_clients_index(reading: Reading, mmc: bool) -> None:
    echo = {"filename": "a.jpg", "camera_id": None, "timestamp": "2026-11-22T00:00:00Z"}
    body = json.loads(json.dumps(snapshot.render(reading, mmc=mmc, echo=echo)))
    assert "error" not in body
    for result in body["results"]:
        assert {"box", "plate", "region", "score", "candidates", "dscore", "vehicle"} <= result.keys()
        assert result["plate"] == result["plate"].lower()
        assert result["candidates"]
        assert set(result["region"]) == {"code", "score"}
        assert set(result["vehicle"]) == {"score", "type", "box"}
        for box in (result["box"], result["vehicle"]["box"]):
            assert all(isinstance(side, int) for side in box.values())
        assert {"model_make", "color", "orientation"} <= result.keys() if mmc else "color" not in result
    for plate in json.loads(json.dumps(npr.render(reading)))["results"]:
        assert plate["plate"] == plate["plate"].upper()
        assert plate["bounding_box"]["width"] >= 1
