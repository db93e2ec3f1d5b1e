"""Remote control as an installer does it: real browser, gateway, bridge and virtual unit."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from django.conf import settings
from playwright.sync_api import Page, Request, expect

from portico.devices.enums import PresenceVia
from portico.devices.models import Command, Device
from portico.devices.services.bridges import invite_bridge
from portico.devices.services.presence import Contact, record_contacts
from portico.kernel.clock import utcnow
from portico.remote.models import RemoteSession
from portico.remote.services.sessions import end_session
from portico.simulator.factory import API
from portico.simulator.testing import SimulatorProcess
from tests.conftest import MemoryBus
from tests.e2e.screen import WIDTHS, Screen, assert_fine, take_width
from tests.factories import (
    make_bridge,
    make_device,
    make_installer,
    make_site,
    run_jobs,
)
from tests.factories.remote import make_remote_session
from tests.gateway.remote_house import Box
from tests.gateway.server import running_gateway
from tests.nats import free_port
from tests.waiting import eventually

pytestmark = [pytest.mark.e2e, pytest.mark.django_db(transaction=True)]

# What a malicious page would try; a promise each, which resolves when it gets there.
FETCH = "fetch(url, {mode: 'no-cors', credentials: 'include'})"
ELEMENT = """new Promise((ok, no) => document.body.append(Object.assign(
    document.createElement('%s'), {onload: ok, onerror: no, src: url})))"""
SOCKET = """new Promise((ok, no) => Object.assign(
    new WebSocket(url), {onopen: ok, onerror: no}))"""
LOCATION = "Config.DoorSetting.DEVICENODE.Location"


@dataclass(frozen=True)
class Home:
    device: Device
    simulator: SimulatorProcess
    box: Box
    port: int


@pytest.fixture
def home(
    transactional_db: None,
    bus: MemoryBus,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[Home]:
    port = free_port()
    monkeypatch.setattr(settings.ENVIRONMENT, "remote_host", f"localhost:{port}")
    installer = make_installer("ida")
    site = make_site(installer, "Ryan")
    device = make_device(site, installer, model="R20A")
    run_jobs()
    _, token = invite_bridge(actor=installer, site=site, name="Box", now=utcnow())
    base = settings.ENVIRONMENT.remote_base
    with (
        SimulatorProcess(state=tmp_path / "units") as simulator,
        running_gateway(bus, port=port, remote=base) as gateway,
        contextlib.ExitStack() as stack,
    ):
        unit = simulator.add_device(device.mac, "R20A")
        keys = {f"{API}UserName": device.secrets.api_user}
        keys[f"{API}Password"] = device.secrets.api_password
        simulator.configure(device.mac, keys)
        address = f"{unit['host']}:{unit['port']}"
        contact = Contact(device.pk, utcnow(), PresenceVia.EVENT, address)
        record_contacts(contacts=[contact])
        box = Box(gateway, tmp_path / "bridge", token)
        stack.callback(box.stop)

        def is_up() -> bool:
            seen = Device.objects.select_related("presence").get(pk=device.pk)
            is_online = site.bridges.get(revoked_at=None).is_online
            return is_online and seen.presence.via == PresenceVia.BRIDGE

        eventually(is_up, "bridge and unit did not come online")
        yield Home(device, simulator, box, port)


def open_tab(screen: Screen, home: Home) -> Page:
    """Press *Remote Control*; the device's tab."""
    screen.sign_in(home.device.site.organization.memberships.get().user)
    screen.open(f"/installer/devices/{home.device.mac}/remote/")
    with screen.page.context.expect_page() as opened:
        screen.page.get_by_role("button", name="Remote Control").click()
    return opened.value


def sign_in(tab: Page) -> None:
    tab.get_by_label("User Name").fill("admin")
    tab.get_by_label("Password").fill("admin")
    tab.get_by_role("button", name="Login").click()
    expect(tab.get_by_role("heading", name="Status")).to_be_visible()


def test_installer_changes_a_setting_on_the_devices_own_page(
    screen: Screen, home: Home
) -> None:
    tab = open_tab(screen, home)
    complaints: list[str] = []
    tab.on("pageerror", lambda error: complaints.append(str(error)))
    sign_in(tab)
    session = RemoteSession.objects.get()
    assert tab.url.startswith(f"http://{session.label}.localhost:")

    # The live part comes by WebSocket, from an address that names the unit itself.
    expect(tab.locator("#live")).to_have_text("live")
    expect(tab.locator("#relay-A")).to_have_text("closed")
    home.simulator.act(home.device.mac, "exit_button", input=1)
    expect(tab.locator("#relay-A")).to_have_text("open")

    tab.get_by_role("link", name="Settings").click()
    tab.get_by_label("Location").fill("Garden door")
    tab.get_by_role("button", name="Submit").click()
    expect(tab.locator("#saved")).to_be_visible()
    told = home.simulator.device(home.device.mac)
    assert told["config"][LOCATION] == "Garden door"
    tab.get_by_role("link", name="Status").click()
    expect(tab.get_by_text("Garden door")).to_be_visible()
    assert complaints == []


def test_portals_cookies_stay_at_the_portal(screen: Screen, home: Home) -> None:
    asked: list[Request] = []

    def note(request: Request) -> None:
        asked.append(request)

    screen.page.context.on("request", note)
    tab = open_tab(screen, home)
    sign_in(tab)

    cookies = screen.page.context.cookies(tab.url)
    assert {cookie["name"] for cookie in cookies} == {"portico_remote", "webSession"}
    own = {cookie["name"]: cookie for cookie in cookies}
    assert own["portico_remote"]["httpOnly"]
    assert not own["webSession"]["domain"].startswith(".")
    there = [r for r in asked if ".localhost:" in r.url]
    assert there
    assert all(
        "portico_session" not in r.all_headers().get("cookie", "") for r in there
    )


def test_device_page_reaches_nobody_else(screen: Screen, home: Home) -> None:
    """What a malicious page would do is refused by the browser, as it is told to."""
    tab = open_tab(screen, home)
    sign_in(tab)
    portal, before = screen.base, tab.url
    socket = f"ws://127.0.0.1:{home.port}/bridge/v1/session"
    reaches = {
        f"{portal}/installer/": FETCH,
        f"{portal}/static/portico/img/mark.svg": ELEMENT % "img",
        f"{portal}/static/portico/js/time.js": ELEMENT % "script",
        socket: SOCKET,
    }

    for url, reach in reaches.items():
        ask = f"url => ({reach}).then(() => 'reached', () => 'refused')"
        assert tab.evaluate(ask, url) == "refused", reach
        if reach != SOCKET:  # and it is the policy that does it: the portal may
            assert screen.page.evaluate(ask, url) == "reached", reach
    # Its cookies are nobody else's, and its forms lead nowhere else.
    tab.evaluate("document.cookie = 'portico_session=evil; Domain=localhost; Path=/'")
    names = {cookie["name"] for cookie in screen.page.context.cookies(screen.base)}
    assert names == {"portico_session", "portico_csrf"}
    stopped = tab.evaluate(
        "url => new Promise((ok) => {"
        " document.addEventListener('securitypolicyviolation', (e) =>"
        " ok(e.effectiveDirective));"
        " const f = document.createElement('form'); f.method = 'post';"
        " f.action = url; document.body.append(f); f.submit(); })",
        f"{portal}/sign-in/",
    )
    assert stopped == "form-action"
    assert tab.url == before


def test_ending_it_ends_it_in_the_tab(screen: Screen, home: Home) -> None:
    tab = open_tab(screen, home)
    sign_in(tab)
    expect(tab.locator("#live")).to_have_text("live")

    screen.page.reload()
    expect(screen.page.get_by_text("connected for it")).to_be_visible()
    screen.page.get_by_role("button", name="End now").click()
    expect(screen.page.get_by_text("ended by")).to_be_visible()

    expect(tab.locator("#live")).to_have_text("not connected")
    tab.get_by_role("link", name="Settings").click()
    expect(tab.get_by_role("heading", name="Remote Control is over")).to_be_visible()
    assert "webSession" not in {c["name"] for c in screen.page.context.cookies(tab.url)}
    tab.get_by_role("link", name="Back to the device in Portico").is_visible()


def test_unplugged_bridge_is_told_in_the_tab(screen: Screen, home: Home) -> None:
    tab = open_tab(screen, home)
    sign_in(tab)

    home.box.unplug()

    expect(tab.locator("#live")).to_have_text("not connected")
    tab.get_by_role("link", name="Settings").click()
    expect(tab.get_by_text("connection of the bridge")).to_be_visible()


@WIDTHS
def test_tab_with_a_session_is_accessible(
    screen: Screen,
    transactional_db: None,
    monkeypatch: pytest.MonkeyPatch,
    width: int,
) -> None:
    monkeypatch.setattr(settings.ENVIRONMENT, "remote_host", "remote.example.org")
    installer = make_installer("ida")
    site = make_site(installer, "Ryan")
    device = make_device(site, installer)
    run_jobs()
    make_bridge(site, installer)
    first = make_remote_session(device, installer)
    end_session(actor=installer, session=first, now=utcnow())
    Command.objects.update(state="failed", reason="no_tunnel")
    make_remote_session(device, installer)
    take_width(screen, width)
    screen.sign_in(installer)

    assert_fine(screen, f"/installer/devices/{device.mac}/remote/")

    expect(screen.page.get_by_role("button", name="End now")).to_be_visible()
    expect(screen.page.locator("time[data-left]")).to_have_text(
        re.compile(r"1\d:\d\d left")
    )
