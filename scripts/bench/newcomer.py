"""Times a newcomer's first minutes: clones this repository, runs `scripts/run`, and reads a plate in the browser.

    scripts/bench/newcomer [--cold] [--screenshots DIR]

The clone is made in a temporary folder, of what is committed, with nothing left over from this checkout: its
environment and its build are made anew. With `--cold`, pip's and Cargo's downloads are made anew, too. The browser
opens the link that `scripts/run` prints, makes the owner, and reads the sample that the page "Try it" offers. People
read and type more slowly: this is the machine's part.

The last line is a JSON object: the seconds of each step, and of the whole with and without the builds. It needs what
scripts/test makes: Playwright in .venv, and chromium.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import re
import secrets
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from playwright.sync_api import Page, ViewportSize, expect, sync_playwright

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from scripts.readme import free_port  # noqa: E402
from tests.dashboard.support import browser_path  # noqa: E402

PLATE = "PHST482"
LINK = re.compile(r"http://\S+/dashboard/setup\?code=\S+")
# What scripts/environment and `platehost serve` say when a step begins or ends, and what the step after it is called.
STEPS = {
    "1 of 2": "packages",
    "2 of 2": "core",
    "The environment is ready": "start",
}
BUILDS = ("packages", "core")
PATIENCE = 60_000  # ms; a busy machine is slow, not wrong
SIZES: dict[str, ViewportSize] = {"desk": {"width": 1280, "height": 860}, "phone": {"width": 390, "height": 844}}
PAGES = ("", "try", "keys", "webhooks", "usage", "readings", "system")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cold", action="store_true", help="download all packages again")
    parser.add_argument("--screenshots", type=Path, metavar="DIR", help="keep a picture of every page, at two widths")
    chosen = parser.parse_args()
    clock = Clock()
    with tempfile.TemporaryDirectory(prefix="platehost-newcomer-") as folder:
        clock.begin("clone")
        checkout = Path(folder) / "platehost"
        subprocess.run(["git", "clone", "--quiet", "--no-local", str(ROOT), str(checkout)], check=True)
        clock.begin("environment")
        with running(checkout, environment(Path(folder), cold=chosen.cold), clock) as link:
            clock.begin("browser")
            try_it(link, clock, chosen.screenshots)
    clock.report()
    return 0


class Clock:
    """Which step took how long, in seconds."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}
        self._step = ""
        self._began = 0.0

    def begin(self, step: str) -> None:
        """Ends the step before, if one is on."""
        self.end()
        self._step, self._began = step, time.monotonic()

    def end(self) -> None:
        if self._step:
            self.seconds[self._step] = time.monotonic() - self._began
        self._step = ""

    def report(self) -> None:
        whole = sum(self.seconds.values())
        builds = sum(self.seconds.get(step, 0) for step in BUILDS)
        figures = {**self.seconds, "whole": whole, "whole_without_builds": whole - builds}
        for name, seconds in figures.items():
            print(f"{name:22}{seconds:8.1f} s")
        print(json.dumps({f"{name}_s": round(seconds, 1) for name, seconds in figures.items()}))


def environment(folder: Path, *, cold: bool) -> dict[str, str]:
    """This process's variables without what a newcomer has not set."""
    foreign = re.compile("PLATEHOST_|CARGO_TARGET_DIR$|VIRTUAL_ENV$|REDIS_URL$|PORT$|PYTHON$")
    kept = {name: value for name, value in os.environ.items() if not foreign.match(name)}
    if cold:
        # Cargo's own settings stay: they may name the registry that this network has.
        cargo = folder / "cargo"
        cargo.mkdir()
        theirs = Path(os.environ.get("CARGO_HOME") or Path.home() / ".cargo") / "config.toml"
        if theirs.is_file():
            shutil.copy(theirs, cargo)
        kept |= {"CARGO_HOME": str(cargo), "PIP_NO_CACHE_DIR": "1"}
    return kept


@contextlib.contextmanager
def running(checkout: Path, variables: dict[str, str], clock: Clock) -> Iterator[str]:
    """Runs `scripts/run` and gives the link that it prints for the first owner."""
    service = subprocess.Popen(
        ["scripts/run", "--port", str(free_port())],
        cwd=checkout,
        env=variables,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    try:
        yield link_of(service, clock)
    finally:
        service.send_signal(signal.SIGINT)
        service.communicate()


def link_of(service: subprocess.Popen[str], clock: Clock) -> str:
    said = []
    for line in service.stdout or ():
        said.append(line)
        for words, step in STEPS.items():
            if line.startswith(words):
                clock.begin(step)
        if found := LINK.search(line):
            return found[0]
    raise SystemExit(f"scripts/run ended without a link:\n{''.join(said[-20:])}")


def try_it(link: str, clock: Clock, screenshots: Path | None) -> None:
    """Makes the owner, reads the sample of the page, and looks for the plate."""
    keep = Keeper(screenshots)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=browser_path(), args=["--no-sandbox"])
        page = browser.new_page(viewport=SIZES["desk"])
        page.set_default_timeout(PATIENCE)
        page.goto(link)
        keep(page, "setup")
        page.get_by_label("Your name").fill("ada")
        password = secrets.token_urlsafe(16)
        for label in ("Password", "Password again"):
            page.get_by_label(label, exact=True).fill(password)
        page.get_by_role("button", name="Make the owner").click()
        expect(page.get_by_role("heading", level=1, name="Overview")).to_be_visible(timeout=PATIENCE)
        keep(page, "first")
        page.get_by_role("navigation", name="Main").get_by_role("link", name="Try it", exact=True).click()
        page.get_by_role("button", name="Read this one").click()
        expect(page.locator(".found .plate-large").first).to_have_text(re.compile(r"\s?".join(PLATE)), timeout=PATIENCE)
        clock.end()
        keep(page, "plate")
        if screenshots:
            keep.all_pages(page)
        browser.close()


class Keeper:
    """Keeps pictures of pages in a folder, if there is one."""

    def __init__(self, folder: Path | None) -> None:
        self._folder = folder

    def __call__(self, page: Page, name: str) -> None:
        if not self._folder:
            return
        self._folder.mkdir(parents=True, exist_ok=True)
        for size, sides in SIZES.items():
            page.set_viewport_size(sides)
            page.wait_for_load_state("networkidle")
            page.screenshot(path=self._folder / f"{name}-{size}.png", full_page=True)
        page.set_viewport_size(SIZES["desk"])

    def all_pages(self, page: Page) -> None:
        root = page.url.split("/dashboard/")[0]
        for name in PAGES:
            page.goto(f"{root}/dashboard/{name}")
            self(page, f"page-{name or 'overview'}")


if __name__ == "__main__":
    sys.exit(main())
