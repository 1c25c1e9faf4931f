"""The labels that were read by eye: words that training knows, and no photo that may not teach."""

import csv
import re
from pathlib import Path

import pytest

from training.folders import ROOT, SHARED
from training.vehicle.classes import COLOUR_WORDS, ORIENTATION_WORDS, TYPE_WORDS

LABELS = ROOT / "training/labels/vehicles.csv"
PLATES = ROOT / "training/labels/plates.csv"


def rows(path: Path) -> list[dict[str, str]]:
    with path.open() as table:
        return list(csv.DictReader(table))


def test_every_label_is_a_word_that_training_knows() -> None:
    for row in rows(LABELS):
        assert row["type"] in {"", *TYPE_WORDS}
        assert row["colour"] in {"", *COLOUR_WORDS}
        assert row["orientation"] in {"", *ORIENTATION_WORDS}
        assert row["type"] or row["colour"] or row["orientation"]
        assert all(re.fullmatch(r"-?\d+\.\d", row[side]) for side in ("x1", "y1", "x2", "y2"))


def test_every_plate_has_a_text() -> None:
    for row in rows(PLATES):
        assert re.fullmatch("[A-Z0-9]{2,10}", row["text"]), row
        assert re.fullmatch("([a-z]{2}(-[a-z]{2,3})?)?", row["region"]), row
        assert all(re.fullmatch(r"-?\d+\.\d", row[side]) for side in ("x1", "y1", "x2", "y2"))


@pytest.mark.skipif(not (SHARED / "data/photos.csv").exists(), reason="compares with the shared table of photos")
def test_no_label_is_of_a_photo_that_may_not_teach() -> None:
    photos = rows(SHARED / "data/photos.csv")
    known = {row["photo"] for row in photos}
    barred = {row["photo"] for row in photos if (row["split"], row["licence_class"]) != ("train", "permissive")}
    barred |= {row["image"] for row in rows(SHARED / "data/vehicles.csv") if row["split"] == "val"}
    labelled = {row["photo"] for table in (LABELS, PLATES) for row in rows(table)}
    assert labelled <= known
    assert not labelled & barred
