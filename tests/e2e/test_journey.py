"""What the first release promises, walked by an installer in a real browser."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import pytest
from playwright.sync_api import Page, expect, sync_playwright

from portico.kernel.clock import utcnow
from tests.e2e import app_client
from tests.e2e.house import House, demo
from tests.e2e.screen import ARGUMENTS, CHROMIUM
from tests.waiting import eventually

pytestmark = [pytest.mark.e2e]
# A virtual unit boots for eight seconds, on machines that may be busy.
OWN_MAC = "0c-11-05-d0-00-10"  # one that the demo's distributor has registered
OWN_PATH = "0C1105D00010"


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    with demo(tmp_path_factory.mktemp("journey") / "data") as running:
        yield running


@pytest.fixture(scope="module")
def page(house: House) -> Iterator[Page]:
    """The installer's browser, signed in by the link from the terminal."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        context = browser.new_context(viewport={"width": 1440, "height": 900})
        made = context.new_page()
        made.goto(house.facts["installer"]["link"])
        made.get_by_role("button", name="Sign in").click()
        expect(made.get_by_role("heading", name="Dashboard")).to_be_visible()
        yield made
        browser.close()


def test_sign_in_link_works_once(house: House, page: Page) -> None:
    again = page.context.browser
    assert again is not None
    other = again.new_page()
    other.goto(house.facts["installer"]["link"])
    other.get_by_role("button", name="Sign in").click()

    expect(other.get_by_text("Dashboard")).to_have_count(0)
    other.close()


def test_demo_house_and_its_devices_are_online(house: House, page: Page) -> None:
    page.goto(f"{house.base}/installer/sites/")

    expect(page.get_by_text("3 of 3 online")).to_be_visible()
    expect(page.get_by_text("This is a demo")).to_be_visible()


def test_open_is_sent_acknowledged_confirmed_and_stands_in_the_log(
    house: House, page: Page
) -> None:
    page.goto(f"{house.base}/installer/sites/")
    page.get_by_role("link", name="Ada Demo").first.click()
    page.get_by_role("link", name="Doors", exact=True).click()
    page.get_by_role("button", name="Open").first.click()
    expect(page.get_by_text("confirmed").first).to_be_visible()

    page.get_by_role("link", name="Logs", exact=True).click()
    expect(page.get_by_text("Ian").first).to_be_visible()


def test_log_shows_live_what_happens_at_the_doors(house: House, page: Page) -> None:
    page.goto(f"{house.base}/installer/devices/0C1105D00001/")
    log = page.context.new_page()
    log.goto(f"{house.base}/installer/log/")
    page.get_by_role("button", name="Wrong PIN").click()

    pill = log.get_by_role("button", name="1 new")
    expect(pill).to_be_visible()
    pill.click()
    expect(log.locator("span", has_text="Refused").first).to_be_visible()
    log.close()


def test_openings_of_the_app_arrive_in_the_portal(house: House, page: Page) -> None:
    resident = app_client.sign_in(house)
    resident.open("0C1105D00002", "0")
    eventually(lambda: resident.door_log()[0]["MAC"] == "0C1105D00002")
    page.goto(f"{house.base}/installer/log/")

    card = page.locator(".visit").filter(has_text="Ada Demo").first
    expect(card.get_by_text("Ada Demo").first).to_be_visible()
    # The bridge has taken a picture meanwhile, and the app gets it as well.
    picture = card.locator(".visit-picture img")
    expect(picture).to_be_visible()
    eventually(lambda: picture.evaluate("one => one.naturalWidth > 0"))
    eventually(lambda: resident.door_log()[0]["PicUrl"].startswith("http"))


def test_own_house_and_device_from_form_to_confirmed_opening(
    house: House, page: Page
) -> None:
    page.goto(f"{house.base}/installer/sites/new/")
    page.get_by_label("Name", exact=True).fill("Ben Builder")
    page.get_by_label("Email").fill("ben@example.org")
    page.get_by_role("button", name="Submit").click()
    expect(page.get_by_role("heading", name="Ben Builder's home")).to_be_visible()
    site = page.url.rstrip("/").rpartition("/installer/sites/")[2].partition("/")[0]

    page.goto(f"{house.base}/installer/sites/{site}/devices/new/")
    page.get_by_label("MAC", exact=True).fill(OWN_MAC)
    page.get_by_label("Device Name").fill("My door")
    page.get_by_label("Relay Name").first.fill("My gate")
    page.get_by_label("DTMF Code").first.fill("7")
    page.get_by_role("button", name="Submit").last.click()
    page.wait_for_url(f"**/installer/devices/{OWN_PATH}/**")
    expect(page.get_by_text("Never seen").first).to_be_visible()

    # It comes to life: fetches its file, applies it, reports.
    page.get_by_role("button", name="Start a virtual unit").click()
    expect(page.get_by_text("Online").first).to_be_visible()
    page.goto(f"{house.base}/installer/devices/{OWN_PATH}/")
    expect(page.locator(".trail li.is-done")).to_have_count(3)

    # Without a bridge the door cannot be opened from afar, and the page says so.
    page.goto(f"{house.base}/installer/sites/{site}/doors/")
    page.get_by_role("button", name="Open").first.click()
    expect(page.get_by_text("This site has no bridge, so")).to_be_visible()
    page.goto(f"{house.base}/installer/sites/{site}/bridge/")
    page.get_by_role("button", name="Start a virtual bridge").click()
    expect(page.get_by_text("Address on site")).to_be_visible()
    page.goto(f"{house.base}/installer/sites/{site}/doors/")
    page.get_by_role("button", name="Open").first.click()
    expect(page.get_by_text("confirmed").first).to_be_visible()


def test_mac_that_is_not_in_the_library_is_refused_at_its_field(
    house: House, page: Page
) -> None:
    page.goto(f"{house.base}/installer/sites/")
    page.get_by_role("link", name="Ada Demo").first.click()
    site = page.url.rstrip("/").rpartition("/installer/sites/")[2].partition("/")[0]
    page.goto(f"{house.base}/installer/sites/{site}/devices/new/")
    page.get_by_label("MAC", exact=True).fill("0C:11:05:FF:FF:FF")
    page.get_by_label("Device Name").fill("Stranger")
    page.get_by_label("Relay Name").first.fill("Gate")
    page.get_by_label("DTMF Code").first.fill("7")
    page.get_by_role("button", name="Submit").last.click()

    expect(page.get_by_text("not in your distributor's MAC library")).to_be_visible()
    expect(page.get_by_label("Device Name")).to_have_value("Stranger")


def test_message_reaches_the_app_and_the_indoor_monitor(
    house: House, page: Page
) -> None:
    resident = app_client.sign_in(house)
    before = resident.unread()
    page.goto(f"{house.base}/installer/message/new/")
    page.get_by_label("Title").fill("Tonight")
    page.get_by_label("Message", exact=True).fill("Dear {name}, {house} restarts.")
    page.get_by_label("Indoor monitors").check()
    page.get_by_label("Later").check()
    page.get_by_label("Time", exact=True).fill(
        f"{utcnow() + timedelta(days=1):%FT%H:%M}"
    )
    page.get_by_role("button", name="Send", exact=True).click()
    expect(page.get_by_text("The message is scheduled.")).to_be_visible()
    assert resident.unread() == before

    page.get_by_role("link", name="Edit").click()
    page.get_by_label("Now").check()
    page.get_by_role("button", name="Save").click()
    # The page follows by itself; the monitor has it in a moment.
    monitor = page.get_by_role("row", name="Living room")
    expect(monitor).to_be_visible()
    eventually(lambda: resident.unread() == before + 1)
    [message, *_older] = resident.messages()
    assert message["Content"] == "Dear Ada Demo, Lindenweg 5 restarts."
    resident.read(message["ID"])
    assert resident.unread() == before
    page.reload()
    expect(monitor.get_by_text("Delivered", exact=True)).to_be_visible()
    expect(page.get_by_role("row", name="App").get_by_text("Read")).to_be_visible()

    page.goto(f"{house.base}/installer/devices/0C1105D00003/")
    shown = page.get_by_text("Dear Ada Demo, Lindenweg 5 restarts.")
    expect(shown).to_be_visible()
