"""Another unit in a device's place: what goes over, what is cut off, whose the log is."""

from __future__ import annotations

import pytest
from django.test import Client

from portico.accounts.models import User
from portico.audit.models import AuditEntry
from portico.devices.models import Device, DeviceSecrets, Presence
from portico.events.models import LogEntry
from portico.events.services.logbook import process_waiting
from portico.kernel.clock import utcnow
from portico.provisioning.enums import AutopKind, AutopState
from portico.provisioning.models import AutopItem
from portico.sites.models import Site
from tests.factories import make_device, make_event, make_mac, make_seen, run_jobs
from tests.factories.autop import LANGUAGE, fetch, file_of, make_commands
from tests.portals.support import text_of

pytestmark = [pytest.mark.integration, pytest.mark.django_db]


@pytest.fixture
def device(site: Site, installer: User) -> Device:
    made = make_device(site, installer)
    run_jobs()
    fetch(made)
    make_seen(made)
    return made


def replace(browser: Client, device: Device, mac: str, log: str = "keep") -> str:
    data = {"mac": mac, "log": log, "confirmed": "on"}
    address = f"/installer/devices/{device.mac}/replace/"
    return text_of(browser.post(address, data, follow=True))


def test_new_unit_has_everything_and_the_old_one_nothing(
    browser: Client, installer: User, device: Device
) -> None:
    regular = make_commands(installer, [device])
    fetch(device)
    once = make_commands(installer, [device], "Config.A.B = 1", AutopKind.ONE_TIME)
    make_event(device, "booted", model="R29", firmware="29.1")
    before = DeviceSecrets.objects.get(device=device)
    password = device.sip.password
    entry = make_mac(installer, model="R29C")
    page = replace(browser, device, entry.mac.lower())
    run_jobs()

    assert "Give it its new address" in page
    now = Device.objects.get(pk=device.pk)
    assert (now.mac, now.model, now.firmware, now.name) == (
        entry.mac,
        "R29C",
        "",
        device.name,
    )
    assert now.sip.number == device.sip.number
    assert now.sip.password != password
    after = DeviceSecrets.objects.get(device=device)
    for secret in ("file_secret", "event_secret", "api_password", "rtsp_password"):
        assert getattr(after, secret) != getattr(before, secret)
    assert not Presence.objects.exists()
    assert AutopItem.objects.get(order=regular).state == AutopState.QUEUED
    assert AutopItem.objects.get(order=once).state == AutopState.LOST
    file = file_of(now)
    assert LANGUAGE in file.body
    assert not file.is_fetched
    assert AuditEntry.objects.get(action="device.mac_changed").before == {
        "mac": device.mac
    }


@pytest.mark.parametrize(("log", "kept"), [("keep", True), ("leave", False)])
def test_log_moves_or_stays_with_the_old_mac(
    browser: Client, installer: User, device: Device, log: str, kept: bool
) -> None:
    make_event(device, "face_granted", user="Mia")
    process_waiting(now=utcnow())
    replace(browser, device, make_mac(installer, model="R29").mac, log)

    line = LogEntry.objects.get()
    assert line.device_mac == device.mac
    assert (line.device_id == device.pk) is kept


def test_what_is_wrong_is_told_at_the_mac(
    browser: Client, installer: User, site: Site, device: Device
) -> None:
    used = make_device(site, installer, name="Other")
    monitor = make_mac(installer, model="C313")
    small = make_mac(installer, model="A01")
    for mac, told in (
        ("nonsense", "MAC"),
        ("0C1105FFFFF0", "not in your distributor"),
        (used.mac, "A device already has this MAC."),
        (device.mac, "This is the MAC that the device has."),
        (monitor.mac, "The MAC library says that this is: Indoor Monitor."),
        (small.mac, "The MAC library says that this is"),
    ):
        assert told in replace(browser, device, mac)
    assert Device.objects.get(pk=device.pk).mac == device.mac


def test_it_is_asked_first(browser: Client, installer: User, device: Device) -> None:
    address = f"/installer/devices/{device.mac}/replace/"
    assert "cut off at once" in text_of(browser.get(address))
    mac = make_mac(installer, model="R29").mac
    browser.post(address, {"mac": mac, "log": "keep"})
    assert Device.objects.get(pk=device.pk).mac == device.mac
