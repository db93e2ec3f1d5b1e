"""Indoor monitors: arming, and the board of relays that they drive (DEV-4)."""

from __future__ import annotations

import pytest
from django.test import Client

from portico.accounts.models import User
from portico.devices.models import Device
from portico.sites.models import Site
from tests.factories import make_device, make_mac
from tests.portals.support import text_of

pytestmark = [pytest.mark.integration, pytest.mark.django_db]


def form(mac: str = "", **changes: object) -> dict[str, object]:
    data: dict[str, object] = {
        "kind": "indoor_monitor",
        "name": "Living room",
        "has_internet": "yes",
        "relay-count": "0",
        "can_arm": "on",
        "board_type": "hf8000",
        "board_mode": "ethernet",
        "board_address": "192.168.1.40",
        "board_port": "502",
        "board_name_1": "Gate",
        "board_function_1": "gate",
        "board_name_3": "Hall light",
        "board_function_3": "light",
    }
    return data | ({"mac": mac} if mac else {}) | changes


@pytest.fixture
def address(site: Site) -> str:
    return f"/installer/sites/{site.pk}/devices/new/"


def test_monitor_arms_and_drives_a_board(
    browser: Client, installer: User, address: str
) -> None:
    browser.post(address, form(make_mac(installer, model="C313").mac))
    device = Device.objects.get()

    assert device.can_arm
    assert (device.external_type, device.external_mode) == ("hf8000", "ethernet")
    assert (device.external_address, device.external_port) == ("192.168.1.40", 502)
    relays = device.external_relays.values_list("number", "name", "function")
    assert list(relays) == [(1, "Gate", "gate"), (3, "Hall light", "light")]
    page = text_of(browser.get(f"/installer/devices/{device.mac}/edit/"))
    assert "Hall light" in page
    assert "Hall light" in text_of(
        browser.get(f"/installer/devices/{device.mac}/doors/")
    )


def test_board_is_taken_away_with_its_relays(
    browser: Client, installer: User, site: Site, address: str
) -> None:
    browser.post(address, form(make_mac(installer, model="C313").mac))
    device = Device.objects.get()
    edit = f"/installer/devices/{device.mac}/edit/"
    browser.post(edit, form(board_type="", can_arm="", version="1"))

    device.refresh_from_db()
    assert (device.external_type, device.external_address) == ("", None)
    assert not device.can_arm
    assert not device.external_relays.exists()


def test_rs485_needs_no_address(browser: Client, installer: User, address: str) -> None:
    mac = make_mac(installer, model="C313").mac
    data = form(mac, board_mode="rs485", board_address="nonsense", board_port="")
    browser.post(address, data)
    assert Device.objects.get().external_address is None


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"board_address": "8.8.8.8"}, "Enter an address of the home network."),
        ({"board_address": ""}, "Enter an IPv4 address"),
        ({"board_port": ""}, "The port is a number from 1 to 65535."),
        ({"board_port": "65536"}, "less than or equal to 65535"),
        ({"board_name_1": "", "board_name_3": ""}, "Name at least one relay"),
        ({"board_function_1": "bomb"}, "Select a valid choice."),
        ({"board_type": "other"}, "Select a valid choice."),
    ],
)
def test_what_is_wrong_is_told_and_nothing_is_saved(
    browser: Client,
    installer: User,
    address: str,
    changes: dict[str, object],
    told: str,
) -> None:
    data = form(make_mac(installer, model="C313").mac, **changes)
    assert told in text_of(browser.post(address, data))
    assert not Device.objects.exists()


@pytest.mark.parametrize(("board", "relays"), [("mk485", 8), ("hf8000", 4), ("", 0)])
def test_each_board_shows_its_relays(
    browser: Client, address: str, board: str, relays: int
) -> None:
    data = form("", board_type=board, act="look")
    page = text_of(browser.post(address, data))
    assert page.count('id="board-title-') == relays


def test_door_phone_has_none_of_it(
    browser: Client, installer: User, site: Site
) -> None:
    device = make_device(site, installer)
    page = text_of(browser.get(f"/installer/devices/{device.mac}/edit/"))
    assert "Arming Function" not in page
    assert "External Relay" not in page
