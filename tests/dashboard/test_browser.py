"""Each page's job, done by a real browser on the real service, at the width of a phone and of a desk."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

import pytest
import requests
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, StorageState, expect

from platehost.accounts import Accounts
from platehost.targets import Targets
from tests.dashboard.support import OWNER, PASSWORD
from tests.service.support import SAMPLE, Processes
from tests.webhooks.receiver import Receiver

SIZES = {"phone": {"width": 390, "height": 844}, "desk": {"width": 1280, "height": 800}}
PLATE = "PHST482"
# A busy machine is no reason to fail.
PATIENCE = 60_000


@pytest.fixture(scope="module")
def signed_in(browser: Browser, service: Processes) -> StorageState:
    """The owner's cookies. One sign-in for all: 20 from one address in five minutes is where the service stops."""
    page = _open(browser, service, "desk")
    _sign_in(page)
    state = page.context.storage_state()
    page.context.close()
    return state


@pytest.fixture(params=SIZES)
def page(
    request: pytest.FixtureRequest, browser: Browser, service: Processes, signed_in: StorageState
) -> Iterator[Page]:
    """A page whose owner is signed in; whatever a browser complains of is an error."""
    made = _open(browser, service, request.param, state=signed_in)
    complaints: list[str] = []
    made.on("pageerror", lambda error: complaints.append(str(error)))
    made.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
    made.goto("/dashboard/")
    yield made
    made.context.close()
    # Chromium tells every answer of 4xx, too; which status is right is for each test to say.
    assert [each for each in complaints if "the server responded with a status of 4" not in each] == []


def _open(
    browser: Browser,
    service: Processes,
    size: str,
    scheme: str = "light",
    *,
    script: bool = True,
    state: StorageState | None = None,
) -> Page:
    context = browser.new_context(
        base_url=service.url,
        viewport=SIZES[size],
        color_scheme=scheme,
        java_script_enabled=script,
        storage_state=state,
    )
    context.set_default_timeout(PATIENCE)
    expect.set_options(timeout=PATIENCE)
    return context.new_page()


def _sign_in(page: Page) -> None:
    page.goto("/dashboard/")
    page.get_by_label("Name").fill(OWNER)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("heading", name="Overview")).to_be_visible()


def _go(page: Page, name: str) -> None:
    """By the menu, as people do; on a phone it has to be opened first."""
    menu = page.get_by_role("link", name="Menu")
    if menu.is_visible():
        menu.click()
    page.get_by_role("navigation", name="Main").get_by_role("link", name=name, exact=True).click()
    expect(page.get_by_role("heading", name=name, level=1)).to_be_visible()


def _try_photo(page: Page) -> None:
    _go(page, "Try it")
    page.get_by_label("Choose a photo").set_input_files(SAMPLE)
    page.get_by_role("button", name="Read the plates").click()
    expect(page.get_by_role("heading", name=re.compile(PLATE))).to_be_visible()


def test_a_photo_is_tried(page: Page) -> None:
    _try_photo(page)
    marked = page.get_by_role("img", name=re.compile(f"1 plate marked: {PLATE}"))
    expect(marked).to_be_visible()
    # The box lies over the plate, which the generator drew around x 640, y 495 of 1280 x 720.
    points = [tuple(map(float, each.split(","))) for each in page.locator(".box").get_attribute("points").split()]
    assert min(x for x, _ in points) < 640 < max(x for x, _ in points)
    assert min(y for _, y in points) < 495 < max(y for _, y in points)
    assert page.locator("img.crop").evaluate("each => each.decode().then(() => each.naturalWidth)") > 100
    shown = page.evaluate("fetch(document.querySelector('svg image').getAttribute('href')).then(each => each.status)")
    assert shown == 200
    expect(page.get_by_role("cell", name=PLATE, exact=True)).to_be_visible()
    expect(page.get_by_text("Authorization: Token YOUR_KEY")).to_be_visible()
    answer = json.loads(page.get_by_role("group", name="Answer of the Snapshot API").inner_text())
    assert answer["results"][0]["plate"] == PLATE.lower()
    page.get_by_text("NPR API", exact=True).last.click()
    assert json.loads(page.get_by_role("group", name="Answer of the NPR API").inner_text())["success"] is True


def test_the_sample_is_read_by_one_click(page: Page) -> None:
    _go(page, "Try it")
    page.get_by_role("button", name="Read this one").click()
    expect(page.get_by_role("heading", name=re.compile(PLATE))).to_be_visible()


def test_a_dropped_photo_is_read(page: Page) -> None:
    _go(page, "Try it")
    page.evaluate(
        """async () => {
            const photo = await (await fetch(document.querySelector('[data-sample]').dataset.sample)).blob();
            const files = new DataTransfer();
            files.items.add(new File([photo], 'dropped.webp', {type: 'image/webp'}));
            const zone = document.querySelector('[data-drop]');
            zone.dispatchEvent(new DragEvent('drop', {dataTransfer: files, bubbles: true, cancelable: true}));
        }"""
    )
    expect(page.get_by_role("heading", name=re.compile(PLATE))).to_be_visible()


def test_what_is_no_photo_is_told(page: Page) -> None:
    _go(page, "Try it")
    file = {"name": "words.jpg", "mimeType": "image/jpeg", "buffer": b"no picture at all"}
    page.get_by_label("Choose a photo").set_input_files(file)
    with page.expect_response("**/dashboard/try") as answer:
        page.get_by_role("button", name="Read the plates").click()
    assert answer.value.status == 400
    expect(page.get_by_role("alert")).to_contain_text("Upload a valid image")


def test_a_key_is_made_used_and_revoked(page: Page, service: Processes) -> None:
    name = f"camera {page.viewport_size['width']}"  # type: ignore[index]
    _go(page, "API keys")
    page.get_by_label("Name").fill(name)
    page.get_by_label("Expires").select_option(label="In 90 days")
    page.get_by_role("button", name="Make the key").click()
    secret = page.locator("#secret").inner_text()
    headers = {"Authorization": f"Token {secret}"}
    assert requests.get(f"{service.url}/v1/statistics/", headers=headers, timeout=30).status_code == 200
    _go(page, "API keys")
    assert secret not in page.content()
    row = page.get_by_role("listitem").filter(has_text=name)
    expect(row).to_contain_text("Last used")
    expect(row).to_contain_text("Expires")
    row.get_by_text("Revoke").first.click()
    row.get_by_role("button", name=f"Yes, revoke {name}").click()
    expect(page.get_by_text(f"The key {name} is revoked.")).to_be_visible()
    assert requests.get(f"{service.url}/v1/statistics/", headers=headers, timeout=30).status_code == 403


def test_a_webhook_is_added_tested_replayed_paused_and_removed(page: Page, service: Processes) -> None:
    receiver = Receiver()
    try:
        _go(page, "Webhooks")
        page.get_by_label("Address").fill(receiver.url)
        page.get_by_role("button", name="Add the target").click()
        assert page.locator("#secret").inner_text().startswith("whsec_")
        target = Targets(service.server.client()).list("main")[-1]
        page.get_by_role("button", name="Send a test").click()
        expect(page.get_by_text("A test is on its way.")).to_be_visible()
        for _ in range(60):
            if page.get_by_text("200", exact=True).count():
                break
            page.wait_for_timeout(500)
            page.goto(f"/dashboard/webhooks/{target.id}")
        expect(page.get_by_text("200", exact=True).first).to_be_visible()
        page.get_by_role("button", name=re.compile("Send delivery .* again")).first.click()
        expect(page.get_by_text("1 delivery is sent again.")).to_be_visible()
        page.get_by_label("Send all again since (UTC)").fill("2026-01-01T00:00")
        page.get_by_role("button", name="Send again", exact=True).last.click()
        expect(page.get_by_text(re.compile("sent again"))).to_be_visible()
        page.get_by_role("button", name="Pause").click()
        expect(page.get_by_text("Paused", exact=True)).to_be_visible()
        page.get_by_role("button", name="Resume").click()
        expect(page.get_by_text("Deliveries go on.")).to_be_visible()
        page.get_by_label("Picture").select_option(label="Crop of the plates")
        page.get_by_role("button", name="Save").click()
        expect(page.get_by_text("The target is changed.")).to_be_visible()
        changed = Targets(service.server.client()).get(target.id)
        assert changed is not None
        assert (changed.image, changed.format, changed.secret) == ("plate", "multipart", target.secret)
        page.get_by_text("Remove", exact=True).click()
        page.get_by_role("button", name="Yes, remove it").click()
        expect(page.get_by_text("The target is removed.")).to_be_visible()
        assert Targets(service.server.client()).get(target.id) is None
    finally:
        receiver.close()


def test_usage_is_drawn_and_told(page: Page) -> None:
    _go(page, "Usage")
    plot = page.get_by_role("img", name=re.compile("Calls per day: .* in all"))
    expect(plot).to_be_visible()
    assert plot.locator("rect").count() == 60
    page.get_by_text("As a table").first.click()
    expect(page.get_by_role("table").first).to_be_visible()
    expect(page.get_by_text("Unlimited", exact=True)).to_be_visible()


def test_a_reading_is_found(page: Page, service: Processes, photo: bytes) -> None:
    secret = Accounts(service.server.client()).create_key("finder")
    camera = f"gate {page.viewport_size['width']}"  # type: ignore[index]
    answer = requests.post(
        f"{service.url}/v1/plate-reader/",
        headers={"Authorization": f"Token {secret}"},
        files={"upload": photo},
        data={"camera_id": camera},
        timeout=60,
    )
    assert answer.status_code == 201
    _go(page, "Recent readings")
    page.get_by_label("Plate").fill("ph*48?")
    page.get_by_label("Camera").fill(camera)
    page.get_by_role("button", name="Search").click()
    found = page.get_by_role("img", name=f"The plate {PLATE}")
    for _ in range(20):
        if found.count():
            break
        # Kept after the answer is out.
        page.wait_for_timeout(500)
        page.reload()
    expect(found).to_have_count(1)
    assert (
        found.evaluate("each => { each.loading = 'eager'; return each.decode().then(() => each.naturalWidth) }") > 100
    )
    page.get_by_label("Plate").fill("ZZ*")
    page.get_by_role("button", name="Search").click()
    expect(page.get_by_role("heading", name="Nothing found")).to_be_visible()


def test_the_system_shows_its_workers(page: Page) -> None:
    _go(page, "System")
    expect(page.get_by_text("Idle").or_(page.get_by_text("Reading", exact=True)).first).to_be_visible()
    expect(page.get_by_text("Plate detector, plate reader")).to_be_visible()
    expect(page.get_by_role("table")).to_contain_text("Signed in")


def test_a_member_is_added_signs_in_and_is_removed(page: Page, browser: Browser, service: Processes) -> None:
    width = page.viewport_size["width"]  # type: ignore[index]
    name = f"member{width}"
    _go(page, "Members")
    page.get_by_label("Name").fill(name)
    page.get_by_role("button", name="Add").click()
    password = page.locator("#secret").inner_text()
    other = _open(browser, service, "phone")
    other.goto("/dashboard/")
    other.get_by_label("Name").fill(name)
    other.get_by_label("Password").fill(password)
    other.get_by_role("button", name="Sign in").click()
    expect(other.get_by_role("heading", name="Overview")).to_be_visible()
    assert other.get_by_role("link", name="Members").count() == 0
    row = page.get_by_role("listitem").filter(has_text=name)
    row.get_by_text("Remove").first.click()
    row.get_by_role("button", name=f"Yes, remove {name}").click()
    expect(page.get_by_text(f"{name} is removed and signed out.")).to_be_visible()
    other.reload()
    expect(other.get_by_role("heading", name="Sign in")).to_be_visible()
    other.context.close()


@pytest.mark.parametrize("size", SIZES)
def test_a_photo_is_tried_without_scripts(
    browser: Browser, service: Processes, signed_in: StorageState, size: str
) -> None:
    page = _open(browser, service, size, script=False, state=signed_in)
    page.goto("/dashboard/")
    _try_photo(page)
    expect(page.locator(".box")).to_have_count(1)
    page.context.close()


def test_the_first_field_is_reached_and_sent_by_keys_alone(browser: Browser, service: Processes) -> None:
    page = _open(browser, service, "desk")
    page.goto("/dashboard/sign-in")
    # The browser focuses it a moment after the page is there; keys typed before that go nowhere.
    expect(page.get_by_label("Name")).to_be_focused()
    page.keyboard.type(OWNER)
    page.keyboard.press("Tab")
    page.keyboard.type(PASSWORD)
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Overview")).to_be_visible()
    page.wait_for_load_state()
    page.keyboard.press("Tab")
    skip = page.get_by_role("link", name="Skip to content")
    expect(skip).to_be_focused()
    page.keyboard.press("Enter")
    # Where the next Tab starts from is known once the browser went there.
    page.wait_for_url("**#*")
    page.keyboard.press("Tab")
    expect(skip).not_to_be_focused()
    assert page.evaluate("document.querySelector('main').contains(document.activeElement)")
    page.context.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", SIZES)
def test_no_page_has_a_serious_fault_or_scrolls_sideways(
    browser: Browser, service: Processes, size: str, scheme: str
) -> None:
    page = _open(browser, service, size, scheme)
    page.goto("/dashboard/sign-in")
    faults = _faults(page, "sign-in")
    _sign_in(page)
    targets = Targets(service.server.client())
    target = targets.add("main", "https://example.invalid/plates/with/a/rather/long/path", headers={"X-Token": "1"})
    targets.switch_off(target.id, "The receiver said that it is gone (410).")
    Accounts(service.server.client()).create_key("a camera")
    _try_photo(page)
    faults += _faults(page, "a photo that was tried")
    for path in ("", "try", "keys", "webhooks", f"webhooks/{target.id}", "usage", "readings", "system", "members"):
        page.goto(f"/dashboard/{path}")
        faults += _faults(page, path)
    for path in ("password", "nothing"):
        page.goto(f"/dashboard/{path}")
        faults += _faults(page, path)
    targets.remove(target.id)
    page.context.close()
    assert faults == []


def _faults(page: Page, path: str) -> list[str]:
    found = Axe().run(page).response["violations"]
    serious = [each for each in found if each["impact"] in ("serious", "critical")]
    faults = [f"{path}: {each['id']}: {node['html'][:150]}" for each in serious for node in each["nodes"]]
    wide = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
    return faults + ([f"{path}: {wide} pixels too wide"] if wide > 0 else [])
