"""The pages in a real browser: accessible, without a console error, and alive."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass, field

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import (
    Browser,
    ConsoleMessage,
    Page,
    Route,
    expect,
    sync_playwright,
)
from pytest_django.live_server_helper import LiveServer

from portico.accounts.models import User
from portico.devices.models import Command, Device
from portico.sites.models import Site
from tests.factories import (
    PASSWORD,
    make_bridge,
    make_dead_letter,
    make_device,
    make_distributor,
    make_event,
    make_installer,
    make_mac,
    make_operator,
    make_seen,
    make_site,
    run_jobs,
)

pytestmark = [pytest.mark.e2e, pytest.mark.django_db(transaction=True)]

CHROMIUM = "/usr/bin/chromium"
ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
# Axe reads style sheets in a way that the policy forbids; that is its own message.
_OWN_NOISE = re.compile(r"preload assets")


@pytest.fixture(scope="module", autouse=True)
def queries_beside_a_loop() -> Iterator[None]:
    """The browser driver keeps an event loop in this thread; queries are still ours."""
    before = os.environ.get("DJANGO_ALLOW_ASYNC_UNSAFE")
    os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "true"
    yield
    if before is None:
        del os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"]


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        yield browser
        browser.close()


@dataclass
class Screen:
    """A page with what went wrong on it, and the hints that the server sends it."""

    page: Page
    base: str
    complaints: list[str] = field(default_factory=list)
    hints: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.page.on("console", self._console)
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.route("**/live/**", self._live)

    def _console(self, message: ConsoleMessage) -> None:
        if message.type in {"error", "warning"} and not _OWN_NOISE.search(message.text):
            self.complaints.append(message.text)

    def _live(self, route: Route) -> None:
        # In place of the gateway: what is due now, then the stream ends and comes again.
        events = "".join(f"event: hint\ndata: {hint}\n\n" for hint in self.hints)
        self.hints.clear()
        body = f"retry: 200\n\n{events}"
        route.fulfill(status=200, content_type="text/event-stream", body=body)

    def open(self, path: str) -> None:
        self.page.goto(f"{self.base}{path}")

    def sign_in(self, user: User) -> None:
        self.open("/sign-in/")
        self.page.get_by_label("User name or email").fill(str(user.username))
        self.page.get_by_label("Password").fill(PASSWORD)
        self.page.get_by_role("button", name="Sign in").click()
        expect(self.page.get_by_role("button", name="Log out")).to_be_visible()
        self.page.wait_for_load_state("load")


@pytest.fixture
def screen(chromium: Browser, live_server: LiveServer) -> Iterator[Screen]:
    context = chromium.new_context(viewport={"width": 1440, "height": 900})
    yield Screen(context.new_page(), live_server.url)
    context.close()


@dataclass(frozen=True)
class House:
    """A house with a device behind a bridge."""

    installer: User
    site: Site
    device: Device


@pytest.fixture
def house(transactional_db: None) -> House:
    installer = make_installer("ida")
    site = make_site(installer, "Ryan")
    device = make_device(site, installer)
    run_jobs()
    make_bridge(site, installer)
    make_seen(device)
    make_event(device, "face_granted", user="Mia")
    make_event(device, "card_refused", card="••••4711")
    make_mac(installer, model="R29")
    return House(installer, site, device)


def installer_pages(house: House) -> list[str]:
    site, device = (
        f"/installer/sites/{house.site.pk}/",
        f"/installer/devices/{house.device.mac}/",
    )
    return [
        "/installer/",
        "/installer/sites/",
        "/installer/sites/new/",
        *(f"{site}{tab}" for tab in ("", "devices/", "doors/", "bridge/", "log/")),
        f"{site}devices/new/",
        f"{site}bridge/remove/",
        "/installer/devices/",
        *(f"{device}{tab}" for tab in ("", "doors/", "provisioning/", "events/")),
        f"{device}edit/",
        f"{device}delete/",
        "/installer/log/",
        "/installer/mac-library/",
        "/installer/upgrade/",
        "/installer/setting/",
        "/installer/setting/password/",
        "/installer/notifications/",
        "/installer/privacy/",
    ]


def assert_fine(screen: Screen, path: str) -> None:
    """The page says nothing on the console, fits its width, and axe finds nothing."""
    screen.open(path)
    screen.page.wait_for_load_state("load")
    assert screen.complaints == [], path
    width = screen.page.evaluate("document.documentElement.scrollWidth - innerWidth")
    assert width <= 0, f"{path} is {width} pixels too wide"
    violations = Axe().run(screen.page).response["violations"]
    found = [(v["id"], [n["html"][:200] for n in v["nodes"]]) for v in violations]
    assert found == [], path
    screen.complaints.clear()


@pytest.mark.parametrize(
    ("scheme", "width"),
    [("light", 1440), ("dark", 1440), ("light", 390), ("dark", 390)],
)
def test_installers_pages_are_accessible(
    screen: Screen, house: House, scheme: str, width: int
) -> None:
    screen.page.emulate_media(color_scheme="dark" if scheme == "dark" else "light")
    screen.page.set_viewport_size({"width": width, "height": 844})
    screen.sign_in(house.installer)
    for path in installer_pages(house):
        assert_fine(screen, path)


def test_other_portals_and_the_quiet_pages_are_accessible(
    screen: Screen, transactional_db: None
) -> None:
    assert_fine(screen, "/sign-in/")
    assert_fine(screen, "/sign-in/once/secret/")
    make_dead_letter()
    operator, distributor = make_operator("otto"), make_distributor("dora")
    screen.sign_in(operator)
    for path in ("", "health/", "dead-letters/", "app-api/"):
        assert_fine(screen, f"/operator/{path}")
    screen.page.get_by_role("button", name="Log out").click()
    screen.sign_in(distributor)
    for path in ("", "mac-library/", "mac-library/new/", "mac-library/import/"):
        assert_fine(screen, f"/distributor/{path}")


def test_a_double_click_on_open_is_one_order_and_shows_its_life(
    screen: Screen, house: House
) -> None:
    screen.sign_in(house.installer)
    screen.open(f"/installer/sites/{house.site.pk}/doors/")
    screen.page.get_by_role("button", name="Open Door 1").dblclick()
    expect(screen.page.get_by_text("requested")).to_be_visible()
    assert Command.objects.count() == 1
    command = Command.objects.get()
    assert len(command.idempotency_key) == 32
    Command.objects.update(state="denied", reason="rejected")
    expect(screen.page.get_by_text("The device refused to open.")).to_be_visible()
    assert screen.complaints == []


def test_log_tells_what_is_new_and_shows_it_on_demand(
    screen: Screen, house: House
) -> None:
    screen.sign_in(house.installer)
    screen.open("/installer/log/")
    make_event(house.device, "face_granted", user="Noah")
    screen.hints.append(f'{{"subject": "log.changed", "site": "{house.site.pk}"}}')
    pill = screen.page.get_by_role("button", name="1 new")
    expect(pill).to_be_visible()
    expect(screen.page.get_by_text("Noah · face")).to_have_count(0)
    pill.click()
    expect(screen.page.get_by_text("Noah · face")).to_be_visible()
    expect(pill).to_have_count(0)


def test_presence_changes_without_a_reload(screen: Screen, house: House) -> None:
    unborn = make_device(house.site, house.installer, name="Gate")
    screen.sign_in(house.installer)
    screen.open(f"/installer/devices/{unborn.mac}/")
    head = screen.page.locator(".device-head")
    expect(head).to_contain_text("Never seen")
    make_seen(unborn)
    screen.hints.append(f'{{"subject": "presence.changed", "device": {unborn.pk}}}')
    expect(head).to_contain_text("Online")


def test_adding_a_device_follows_the_mac(screen: Screen, house: House) -> None:
    mac = make_mac(house.installer, model="R26").mac
    screen.sign_in(house.installer)
    page = screen.page
    screen.open(f"/installer/sites/{house.site.pk}/devices/new/")
    page.get_by_label("Device Name").fill("Gate")
    page.get_by_label("MAC").press_sequentially(mac.lower())
    expect(page.get_by_label("MAC")).to_have_value(house_spelling(mac))
    page.get_by_label("MAC").blur()
    expect(page.get_by_text("R26 · Door Phone")).to_be_visible()
    expect(page.get_by_label("Face")).to_have_count(0)
    expect(page.get_by_label("IP Address")).to_be_hidden()
    page.get_by_role("button", name="Add Relay").click()
    expect(page.get_by_label("Relay Name")).to_have_count(2)
    expect(page.get_by_role("button", name="Add Relay")).to_have_count(0)
    page.get_by_label("Relay Name").last.fill("Garage")
    page.get_by_role("button", name="Submit").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Gate")
    device = Device.objects.get(mac=mac)
    assert [relay.name for relay in device.relays.all()] == ["Door 1", "Garage"]
    assert screen.complaints == []


def test_what_is_typed_while_the_mac_is_looked_up_stays(
    screen: Screen, house: House
) -> None:
    mac = make_mac(house.installer, model="R26").mac
    screen.sign_in(house.installer)
    page = screen.page
    screen.open(f"/installer/sites/{house.site.pk}/devices/new/")
    page.wait_for_load_state("load")

    def slowly(route: Route) -> None:
        # The answer is on its way; meanwhile the person goes on.
        response = route.fetch()
        page.get_by_label("Device Name").fill("Gate")
        page.get_by_label("Relay Name").fill("Garage")
        page.get_by_label("PIN").uncheck()
        route.fulfill(response=response)

    page.route("**/devices/new/", slowly)
    page.get_by_label("MAC").fill(mac)
    page.get_by_label("MAC").blur()
    expect(page.get_by_text("R26 · Door Phone")).to_be_visible()
    page.unroute("**/devices/new/")
    expect(page.get_by_label("Device Name")).to_have_value("Gate")
    expect(page.get_by_label("Relay Name")).to_have_value("Garage")
    expect(page.get_by_label("PIN")).to_have_count(0)  # an R26 has no keypad
    page.get_by_role("button", name="Submit").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Gate")
    assert [r.name for r in Device.objects.get(mac=mac).relays.all()] == ["Garage"]


def house_spelling(mac: str) -> str:
    return ":".join(re.findall("..", mac))


def test_keyboard_goes_where_it_says(screen: Screen, house: House) -> None:
    screen.sign_in(house.installer)
    page = screen.page
    page.keyboard.press("?")
    expect(page.get_by_role("dialog")).to_be_visible()
    page.keyboard.press("Escape")
    page.keyboard.press("g")
    page.keyboard.press("s")
    expect(page.get_by_role("heading", level=1)).to_have_text("Sites")
    page.wait_for_load_state("load")
    page.keyboard.press("/")
    expect(page.get_by_label("Search sites")).to_be_focused()
    page.keyboard.type("nobody")
    page.keyboard.press("Enter")
    expect(page.get_by_text("Nothing found")).to_be_visible()
    assert page.url.endswith("q=nobody&sort=name")


def test_theme_is_remembered_and_menus_open_on_a_phone(
    screen: Screen, house: House
) -> None:
    screen.sign_in(house.installer)
    page = screen.page
    page.get_by_role("button", name="Switch between light and dark").click()
    page.reload()
    assert page.locator("html").get_attribute("data-bs-theme") == "dark"
    page.set_viewport_size({"width": 390, "height": 844})
    expect(page.get_by_role("link", name="MAC Library")).to_be_hidden()
    page.get_by_role("button", name="Menu").click()
    page.get_by_role("link", name="MAC Library").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("MAC Library")
    screen.open("/installer/devices/")
    page.get_by_role("button", name="Actions for Front door").click()
    expect(page.get_by_role("link", name="Edit")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.get_by_role("link", name="Edit")).to_be_hidden()
