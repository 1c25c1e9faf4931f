"""Takes the documents' pictures of the dashboard: docs/dashboard-*.webp.

    .venv/bin/python scripts/screenshots.py

It starts a service of its own on a free port and reads drawn photos. With the fonts of training in the folder that
PLATEHOST_SHARED names, the photos have plates of their own; without, all show the sample.
"""

import io
import os
import secrets
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import redis
import requests
from PIL import Image
from playwright.sync_api import Page, sync_playwright

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from cli.store_address import store_address  # noqa: E402
from scripts.readme import free_port, wait_for  # noqa: E402
from tests.dashboard.support import browser_path  # noqa: E402

PLATEHOST = str(Path(sys.executable).parent / "platehost")
SAMPLE = ROOT / "tests" / "fixtures" / "sample.jpg"
NAME = "ada"
DESK = {"width": 1280, "height": 860}
PHONE = {"width": 390, "height": 844}
# "PH" is no German district: nobody drives with these.
PLATES = ("AB 123", "KL 907", "TX 55", "MR 2048", "ST 482", "CA 716")
CAMERAS = ("Gate north", "Yard", "Gate south")


def main() -> None:
    with tempfile.TemporaryDirectory() as data:
        port = free_port()
        settings = {
            "PLATEHOST_READINGS_KEEP": "604800",
            "PLATEHOST_SYNC_WINDOW": "60",
            "PLATEHOST_RATE_LIMIT": "100 per second",
            "PLATEHOST_DATA": data,
        }
        environment = {**os.environ, **settings}
        service = subprocess.Popen(
            [PLATEHOST, "serve", "--port", str(port), "--data", data],
            stdout=subprocess.DEVNULL,
            cwd=ROOT,
            env=environment,
        )
        try:
            url = f"http://127.0.0.1:{port}"
            wait_for(f"{url}/readyz", service)
            password = secrets.token_urlsafe(16)
            run("user", "add", NAME, environment=environment, given=password)
            fill(url, data, environment)
            take(url, password)
        finally:
            service.terminate()
            service.wait()


def fill(url: str, data: str, environment: dict[str, str]) -> None:
    """Keys, a target, calls of the last weeks, and some readings, as a service has them that is in use."""
    gate = run("key", "create", "Gate cameras", environment=environment).strip()
    run("key", "create", "Home Assistant", "--expires", "90d", environment=environment)
    with store_address(data) as address:
        store = redis.Redis.from_url(address)
    now = datetime.now(UTC)
    for back in range(1, 60):
        day = now - timedelta(days=back)
        calls = (30 if day.weekday() > 4 else 90) + (back * 37) % 41
        store.set(f"platehost:usage:main:{day:%Y-%m-%d}", calls)
        store.incrby(f"platehost:usage:main:{day:%Y-%m}", calls)
    for number, photo in enumerate(photos()):
        answer = requests.post(
            f"{url}/v1/plate-reader/",
            headers={"Authorization": f"Token {gate}"},
            files={"upload": photo},
            data={"camera_id": CAMERAS[number % len(CAMERAS)]},
            timeout=120,
        )
        answer.raise_for_status()
    # After the photos: nobody answers there.
    run("webhook", "add", "https://barrier.example/plates", "--secret", environment=environment)


def photos() -> Iterator[bytes]:
    """The sample with other plates on its car, or as it is where the font of the plates is missing."""
    from training import sample

    for text in PLATES if sample.FONT.is_file() else ():
        photo = Image.open(SAMPLE).convert("RGB")
        photo.paste(sample.draw_plate(("PH", text)).resize((190, 42), Image.Resampling.LANCZOS), (545, 475))
        encoded = io.BytesIO()
        photo.save(encoded, "JPEG", quality=90)
        yield encoded.getvalue()
    yield SAMPLE.read_bytes()


def take(url: str, password: str) -> None:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=browser_path(), args=["--no-sandbox"])
        for name, size, scheme in (("desk", DESK, "light"), ("phone", PHONE, "dark")):
            context = browser.new_context(base_url=url, viewport=size, color_scheme=scheme)
            context.set_default_timeout(120_000)
            page = context.new_page()
            page.goto("/dashboard/")
            page.fill("#name", NAME)
            page.fill("#password", password)
            page.click("button.primary")
            page.wait_for_url("**/dashboard/")
            if name == "desk":
                keep(page, "overview")
                page.goto("/dashboard/readings")
                page.wait_for_load_state("networkidle")
                keep(page, "readings")
                page.goto("/dashboard/keys")
                keep(page, "keys")
            page.goto("/dashboard/try")
            page.set_input_files("#upload", SAMPLE)
            page.click("[data-submit]")
            page.wait_for_selector(".picture svg image")
            page.wait_for_load_state("networkidle")
            keep(page, "try" if name == "desk" else "phone")
            context.close()
        browser.close()


def keep(page: Page, name: str) -> None:
    target = ROOT / "docs" / f"dashboard-{name}.webp"
    Image.open(io.BytesIO(page.screenshot())).convert("RGB").save(target, quality=82, method=6)
    print(target.relative_to(ROOT), f"{target.stat().st_size / 1000:.0f} kB")


def run(*arguments: str, environment: dict[str, str], given: str = "") -> str:
    done = subprocess.run(
        [PLATEHOST, *arguments],
        input=given + "\n",
        stdout=subprocess.PIPE,
        text=True,
        check=True,
        cwd=ROOT,
        env=environment,
    )
    return done.stdout


if __name__ == "__main__":
    main()
