"""Fetch configuration now, and Take a picture: when they can be pressed, and their life."""

from __future__ import annotations

import pytest
from django.test import Client

from portico.accounts.models import User
from portico.devices.enums import CommandState
from portico.devices.models import Command, Device
from portico.devices.services.commands import mark_sent, record_result
from portico.kernel.clock import utcnow
from portico.sites.models import Site
from tests.factories import (
    make_bridge,
    make_device,
    make_picture,
    make_seen,
    run_jobs,
)
from tests.portals.support import HTMX, queries_of, text_of

pytestmark = [pytest.mark.integration, pytest.mark.django_db]
BUTTONS = {
    "provisioning/": "Fetch configuration now",
    "picture/": "Take a picture",
}


@pytest.fixture
def device(site: Site, installer: User) -> Device:
    made = make_device(site, installer)
    run_jobs()
    return made


def page_of(browser: Client, device: Device, path: str = "") -> str:
    return text_of(browser.get(f"/installer/devices/{device.mac}/{path}"))


def button(page: str, words: str) -> str:
    """The tag of the button with these words."""
    before = page[: page.index(words)]
    return before[before.rindex("<button") :]


@pytest.mark.parametrize("path", BUTTONS)
def test_without_a_bridge_it_cannot_be_pressed_and_says_why(
    browser: Client, device: Device, path: str
) -> None:
    page = page_of(browser, device, path)

    assert "disabled" in button(page, BUTTONS[path])
    assert "only a bridge can reach the device" in page


def test_direct_mode_says_when_the_unit_comes_by_itself(
    browser: Client, device: Device
) -> None:
    assert "within the hour" in page_of(browser, device, "provisioning/")


@pytest.mark.parametrize("path", BUTTONS)
@pytest.mark.parametrize(
    ("online", "seen", "why"),
    [
        (False, True, "The bridge is offline."),
        (True, False, "The device is offline."),
        (True, True, ""),
    ],
)
def test_it_can_be_pressed_when_bridge_and_unit_are_there(
    browser: Client,
    installer: User,
    device: Device,
    path: str,
    online: bool,
    seen: bool,
    why: str,
) -> None:
    make_bridge(device.site, installer, online=online)
    if seen:
        make_seen(device)
    page = page_of(browser, device, path)

    assert ("disabled" in button(page, BUTTONS[path])) is bool(why)
    assert why in page


@pytest.mark.parametrize("path", ["provisioning/fetch/", "picture/"])
def test_press_shows_its_life(
    browser: Client, installer: User, device: Device, path: str
) -> None:
    bridge = make_bridge(device.site, installer)
    url = f"/installer/devices/{device.mac}/{path}"
    first = text_of(browser.post(url, {"key": "k1"}, headers=HTMX))
    again = text_of(browser.post(url, {"key": "k1"}, headers=HTMX))
    command = Command.objects.get()
    life = f"/installer/commands/{command.pk}/"
    assert life in first
    assert life in again
    assert "requested" in first

    mark_sent(command_id=command.pk, now=utcnow())
    assert "sent" in text_of(browser.get(f"{life}?shown=requested"))
    assert browser.get(f"{life}?shown=sent").status_code == 204
    record_result(
        bridge_id=bridge.pk,
        command_id=command.pk,
        state=CommandState.FAILED,
        reason="no_stream",
        at=utcnow(),
        now=utcnow(),
    )
    last = text_of(browser.get(f"{life}?shown=sent"))
    assert "The device shows no video stream." in last
    assert "hx-get" not in last


def test_press_without_script_comes_back_to_the_page(
    browser: Client, installer: User, device: Device
) -> None:
    make_bridge(device.site, installer)
    answer = browser.post(f"/installer/devices/{device.mac}/picture/")

    assert answer["Location"] == f"/installer/devices/{device.mac}/"
    assert "requested" in page_of(browser, device)


def test_press_without_a_bridge_is_refused_in_words(
    browser: Client, device: Device
) -> None:
    url = f"/installer/devices/{device.mac}/picture/"
    answer = text_of(browser.post(url, headers=HTMX))

    assert "This site has no bridge" in answer
    assert Command.objects.get().state == CommandState.DENIED


def test_newest_picture_stands_with_its_words(
    browser: Client, installer: User, device: Device
) -> None:
    make_bridge(device.site, installer)
    make_picture(device, installer)
    page = page_of(browser, device)

    assert f"/installer/devices/{device.mac}/picture/newest.jpg?taken=" in page
    assert f'alt="What {device.name} saw on ' in page


def test_indoor_monitor_has_no_picture(
    browser: Client, installer: User, site: Site
) -> None:
    monitor = make_device(site, installer, model="C313", name="Kitchen")

    assert "Take a picture" not in page_of(browser, monitor)
    url = f"/installer/devices/{monitor.mac}/picture/"
    assert browser.post(url).status_code == 404
    assert not Command.objects.exists()


def test_page_costs_the_same_with_a_picture(
    browser: Client, installer: User, device: Device
) -> None:
    make_bridge(device.site, installer)
    url = f"/installer/devices/{device.mac}/"
    browser.get(url)
    before = queries_of(browser, url)
    make_picture(device, installer)

    assert queries_of(browser, url) <= before


def test_device_page_says_which_mode_and_what_the_other_would_add(
    browser: Client, installer: User, device: Device
) -> None:
    direct = page_of(browser, device)
    assert "A bridge would add" in direct
    assert "a changed configuration within seconds, pictures" in direct
    assert "Direct mode would" not in direct
    assert "Enter its provisioning address" in direct

    make_bridge(device.site, installer)
    bridged = page_of(browser, device)
    assert "A bridge would add" not in bridged
    assert "Direct mode would" in bridged
    assert "a changed configuration is fetched at once" in bridged
    assert "Start a factory-fresh unit now, or again" in bridged
