"""What the tests of the dashboard share beside their fixtures."""

from __future__ import annotations

import re
import shutil

from flask.testing import FlaskClient
from werkzeug.test import TestResponse

OWNER = "ada"
MEMBER = "grace"
PASSWORD = "correct horse battery"
BROWSERS = ("chromium", "chromium-browser", "google-chrome")


def browser_path() -> str:
    """Debian's browser; Playwright's own is never downloaded."""
    found = next((path for name in BROWSERS if (path := shutil.which(name))), None)
    assert found, "chromium is not installed: apt-get install chromium"
    return found


def token(page: TestResponse) -> str:
    """The token in the first form of a page."""
    found = re.search(r'name="csrf_token" value="([^"]+)"', page.text)
    assert found, page.text
    return found[1]


def send(client: FlaskClient, path: str, *, form: str | None = None, **fields: object) -> TestResponse:
    """Sends a form as its page would, with the page's own token; `form` is the page it stands on."""
    page = client.get(form or path)
    assert page.status_code == 200, (form or path, page.status_code)
    return client.post(path, data={"csrf_token": token(page), **fields})


def sign_in(client: FlaskClient, name: str = OWNER, password: str = PASSWORD, **fields: object) -> TestResponse:
    return send(client, "/dashboard/sign-in", name=name, password=password, **fields)
