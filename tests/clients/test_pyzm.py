"""pyzm, ZoneMinder's library, with its plate client pointed at this service by `alpr_url` and nothing else."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from tests.clients import installed
from tests.service.support import SAMPLE, SAMPLE_PLATE, Processes

SCRIPT = Path(__file__).parent / "pyzm" / "detect.py"


@pytest.fixture(scope="session")
def library() -> Path:
    return installed.pyzm()


def detect(library: Path, picture: Path, **options: Any) -> tuple[list[dict[str, Any]], str]:
    """What it detected, and its log."""
    sequence = {
        "general": {"model_sequence": "alpr"},
        "alpr": {
            "general": {"pattern": ".*"},
            "sequence": [{"name": "plates", "alpr_service": "plate_recognizer", **options}],
        },
    }
    done = subprocess.run(
        # -S: nothing of the tests' own environment.
        [sys.executable, "-S", str(SCRIPT), str(picture), json.dumps(sequence)],
        env={**os.environ, "PYTHONPATH": str(library)},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout), done.stderr


def check_sample(found: list[dict[str, Any]]) -> None:
    (plate,) = found
    assert plate["label"] == f"alpr:{SAMPLE_PLATE}"
    assert 0.6 <= plate["confidence"] <= 1
    with Image.open(SAMPLE) as picture:
        width, height = picture.size
    left, top, right, bottom = plate["box"]
    assert 0 <= left < right <= width
    assert 0 <= top < bottom <= height


def test_the_cloud(library: Path, running: Processes, running_key: str) -> None:
    """It asks for the statistics before each picture, and posts to the path without its last slash."""
    found, log = detect(
        library,
        SAMPLE,
        alpr_url=f"{running.url}/v1",
        alpr_key=running_key,
        alpr_api_type="cloud",
        platerec_stats="yes",
        platerec_regions=["gb", "us-ca"],
        platerec_config={"mode": "fast", "threshold_d": 0.3},
    )
    check_sample(found)
    assert '"total_calls"' in log


def test_the_sdk(library: Path, running: Processes) -> None:
    """It sends `Authorization: Token` without a key, which the SDK's form has to take."""
    found, _ = detect(library, SAMPLE, alpr_url=f"{running.sdk_url}/v1/plate-reader/", alpr_api_type="local")
    check_sample(found)


def test_a_picture_without_plates(library: Path, running: Processes, empty_road: bytes, tmp_path: Path) -> None:
    picture = tmp_path / "road.jpg"
    picture.write_bytes(empty_road)
    found, log = detect(library, picture, alpr_url=f"{running.sdk_url}/v1/plate-reader/", alpr_api_type="local")
    assert found == []
    assert "rejected" not in log


def test_a_wrong_key_is_told(library: Path, running: Processes) -> None:
    found, log = detect(library, SAMPLE, alpr_url=f"{running.url}/v1", alpr_key="wrong")
    assert found == []
    assert "403" in log
