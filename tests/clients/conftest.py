"""The whole service, for clients that other people wrote."""

from __future__ import annotations

import io

import pytest
from PIL import Image

from tests.service.conftest import pack, photo, redis_server, running, running_key
from tests.service.support import Processes

__all__ = ["pack", "photo", "redis_server", "running", "running_key"]


@pytest.fixture(scope="session")
def empty_road() -> bytes:
    """A JPEG without a plate."""
    kept = io.BytesIO()
    Image.new("RGB", (640, 480), (90, 110, 90)).save(kept, "JPEG")
    return kept.getvalue()


@pytest.fixture(params=["cloud", "sdk"])
def base_url(request: pytest.FixtureRequest, running: Processes) -> str:
    """The service's two forms: a client may be pointed at either."""
    return running.url if request.param == "cloud" else running.sdk_url
