from __future__ import annotations

from datetime import timedelta

import pytest
from django.test import Client

from portico.accounts.models import User
from portico.audit.models import AuditEntry
from portico.devices.models import Device
from portico.kernel.clock import utcnow
from portico.kernel.mac import pretty_mac
from portico.sites.models import Site
from tests.factories import (
    make_device,
    make_event,
    make_installer,
    make_mac,
    make_seen,
    run_jobs,
)
from tests.portals.support import HTMX, assert_constant_queries, text_of

pytestmark = [pytest.mark.integration, pytest.mark.django_db]


def form(mac: str, **changes: object) -> dict[str, object]:
    data: dict[str, object] = {
        "kind": "door_phone",
        "mac": mac,
        "name": "Front door",
        "can_monitor": "yes",
        "terminals": ["app"],
        "has_internet": "yes",
        "ip_address": "",
        "relay-count": "1",
        "relay-0-kind": "local",
        "relay-0-number": "1",
        "relay-0-name": "Gate",
        "relay-0-dtmf_code": "#",
        "relay-0-hold_seconds": "7",
        "relay-0-access_methods": ["pin", "homepage"],
    }
    return data | changes


def url(site: Site) -> str:
    return f"/installer/sites/{site.pk}/devices/new/"


def spellings(mac: str) -> list[str]:
    pairs = pretty_mac(mac)
    return [mac, mac.lower(), pairs, pairs.replace(":", "-").lower()]


@pytest.mark.parametrize("spelling", range(4))
def test_device_is_added_with_any_spelling_of_its_mac(
    browser: Client, installer: User, site: Site, spelling: int
) -> None:
    mac = make_mac(installer, model="R29").mac
    response = browser.post(url(site), form(spellings(mac)[spelling]))
    device = Device.objects.get()
    assert response.headers["Location"] == f"/installer/devices/{mac}/"
    assert (device.mac, device.model, device.name) == (mac, "R29", "Front door")
    assert (device.monitor_in_app, device.monitor_on_monitors) == (True, False)
    relay = device.relays.get()
    assert (relay.name, relay.dtmf_code, relay.hold_seconds) == ("Gate", "#", 7)
    assert relay.access_methods == ["pin", "homepage"]


def test_mac_errors_say_which_of_the_three_it_is(
    browser: Client, installer: User, site: Site
) -> None:
    used = make_device(site, installer).mac
    foreign = make_mac(make_installer()).mac
    cases = {
        "0C:11:05": "A MAC has 12 hexadecimal digits",
        "0C1105ABCDEF": "not in your distributor&#x27;s MAC library",
        foreign: "not in your distributor&#x27;s MAC library",
        used: "A device already has this MAC.",
    }
    for mac, message in cases.items():
        page = text_of(browser.post(url(site), form(mac)))
        assert message in page.split('id="id_mac_error"')[1].split("</ul>")[0]
        assert 'value="Gate"' in page
    assert Device.objects.count() == 1


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"relay-0-dtmf_code": "12345"}, "One of 0-9 * #"),
        ({"relay-0-name": ""}, "Enter a Relay Name."),
        ({"relay-0-hold_seconds": "0"}, "greater than or equal to 1"),
        ({"has_internet": "no", "ip_address": "8.8.8.8"}, "the home network"),
        ({"has_internet": "no", "ip_address": ""}, "Enter an IPv4 address"),
        ({"kind": "indoor_monitor"}, "The MAC library says that this is"),
        (
            {
                "relay-count": "2",
                "relay-1-kind": "local",
                "relay-1-number": "2",
                "relay-1-name": "Garage",
                "relay-1-dtmf_code": "#",
                "relay-1-hold_seconds": "5",
            },
            "Another relay has this DTMF Code.",
        ),
        (
            {
                "relay-count": "2",
                "relay-1-kind": "local",
                "relay-1-number": "7",
                "relay-1-name": "Garage",
                "relay-1-dtmf_code": "5",
                "relay-1-hold_seconds": "5",
            },
            "This model has 3 of these relays.",
        ),
    ],
)
def test_what_is_wrong_is_said_and_nothing_is_made(
    browser: Client,
    installer: User,
    site: Site,
    changes: dict[str, object],
    message: str,
) -> None:
    mac = make_mac(installer, model="R29").mac
    page = text_of(browser.post(url(site), form(mac, **changes)))
    assert message in page
    assert 'value="Front door"' in page
    assert not Device.objects.exists()


def test_access_methods_are_limited_to_the_model_once_the_mac_tells_it(
    browser: Client, installer: User, site: Site
) -> None:
    mac = make_mac(installer, model="R26").mac  # card, homepage and talking page only
    page = text_of(browser.post(url(site), form(mac, act="look"), headers=HTMX))
    assert "R26 · Door Phone" in page
    assert 'value="card"' in page
    assert 'value="face"' not in page
    assert not Device.objects.exists()


def test_relays_are_added_up_to_the_models_number(
    browser: Client, installer: User, site: Site
) -> None:
    mac = make_mac(installer, model="R26").mac  # two relays
    one = text_of(browser.post(url(site), form(mac, act="look")))
    assert 'value="add_relay"' in one
    two = text_of(browser.post(url(site), form(mac, act="add_relay")))
    assert 'name="relay-count" value="2"' in two
    assert 'value="Gate"' in two
    assert 'value="add_relay"' not in two
    none = text_of(browser.post(url(site), form(mac, act="remove-0")))
    assert 'name="relay-count" value="0"' in none


def test_security_relay_is_added(browser: Client, installer: User, site: Site) -> None:
    mac = make_mac(installer, model="R29").mac
    page = text_of(browser.post(url(site), form(mac, act="add_security_relay")))
    assert "Security Relay 1" in page
    assert not Device.objects.exists()


def test_device_is_changed(browser: Client, installer: User, site: Site) -> None:
    device = make_device(site, installer)
    page = text_of(browser.get(f"/installer/devices/{device.mac}/edit/"))
    assert 'value="Front door"' in page
    changes = {"name": "Back door", "has_internet": "no", "ip_address": "192.168.1.7"}
    data = form("", **changes, version="1")
    response = browser.post(f"/installer/devices/{device.mac}/edit/", data)
    assert response.status_code == 302
    device.refresh_from_db()
    assert (device.name, device.ip_address) == ("Back door", "192.168.1.7")


def test_delete_asks_for_the_name(browser: Client, installer: User, site: Site) -> None:
    device = make_device(site, installer)
    address = f"/installer/devices/{device.mac}/delete/"
    assert "The door log stays" in text_of(browser.get(address))
    page = text_of(browser.post(address, {"typed": "front"}))
    assert "This is not the name" in page
    assert Device.objects.exists()
    assert browser.post(address, {"typed": "Front door"}).status_code == 302
    assert not Device.objects.exists()
    assert browser.post(address, {"typed": "Front door"}).status_code == 404


def test_list_is_filtered_by_presence(
    browser: Client, installer: User, site: Site
) -> None:
    make_seen(make_device(site, installer, name="Alive"))
    make_seen(
        make_device(site, installer, name="Gone"), at=utcnow() - timedelta(hours=2)
    )
    make_device(site, installer, name="Unborn")
    for presence, name in {
        "online": "Alive",
        "offline": "Gone",
        "never": "Unborn",
    }.items():
        page = text_of(browser.get(f"/installer/devices/?presence={presence}"))
        shown = [n for n in ("Alive", "Gone", "Unborn") if f">{n}<" in page]
        assert shown == [name]


@pytest.mark.parametrize("address", ["/installer/devices/", "site"])
def test_lists_cost_the_same_with_one_device_and_three(
    browser: Client, installer: User, site: Site, address: str
) -> None:
    def add(count: int) -> None:
        for _ in range(count):
            make_seen(make_device(site, installer))
        run_jobs()

    add(1)
    where = f"/installer/sites/{site.pk}/devices/" if address == "site" else address
    assert_constant_queries(browser, where, lambda: add(2))


@pytest.mark.parametrize("tab", ["", "doors/", "provisioning/", "events/", "head/"])
def test_every_tab_of_a_device_answers(
    browser: Client, installer: User, site: Site, tab: str
) -> None:
    device = make_device(site, installer)
    assert browser.get(f"/installer/devices/{device.mac}/{tab}").status_code == 200
    run_jobs()
    make_seen(device)
    make_event(device, "code_refused", code="••••")
    assert browser.get(f"/installer/devices/{device.mac}/{tab}").status_code == 200


def test_secrets_are_masked_until_asked_for_and_that_is_on_record(
    browser: Client, installer: User, site: Site
) -> None:
    device = make_device(site, installer)
    run_jobs()
    address = f"/installer/devices/{device.mac}/provisioning/"
    page = text_of(browser.get(address))
    assert device.sip.password not in page
    assert device.secrets.api_password not in page
    assert device.secrets.event_secret not in page
    assert f"/p/{device.secrets.file_secret}/" in page  # what is entered in the unit
    assert not AuditEntry.objects.filter(action="provisioning.revealed").exists()
    page = text_of(browser.post(f"{address}reveal/"))
    assert device.secrets.api_password in page
    entry = AuditEntry.objects.get(action="provisioning.revealed")
    assert (entry.actor_id, entry.object_id) == (installer.pk, str(device.pk))


def test_a_devices_part_is_served_to_htmx(
    browser: Client, installer: User, site: Site
) -> None:
    make_device(site, installer)
    page = text_of(browser.get("/installer/devices/", headers=HTMX))
    assert "<html" not in page
    assert "Front door" in page
