"""Restart, reset and transmission type from the Remote tab (REM-1)."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.test import Client

from portico.access.models import DeviceAccess
from portico.accounts.models import User
from portico.audit.models import AuditEntry
from portico.devices.enums import CommandKind, CommandState
from portico.devices.models import Command, Device
from portico.devices.services.commands import mark_sent, record_result
from portico.events.services.logbook import process_waiting
from portico.kernel.clock import utcnow
from portico.protocols.autop.grammar import parse
from portico.provisioning.enums import AutopKind, AutopState
from portico.provisioning.models import AutopItem
from portico.sites.models import Site
from tests.factories import make_bridge, make_device, make_event, make_seen, run_jobs
from tests.factories.autop import fetch, file_of, make_commands
from tests.portals.support import text_of

pytestmark = [pytest.mark.integration, pytest.mark.django_db]


@pytest.fixture
def device(site: Site, installer: User) -> Device:
    made = make_device(site, installer)
    run_jobs()
    fetch(made)
    return made


def remote(device: Device, rest: str = "") -> str:
    return f"/installer/devices/{device.mac}/remote/{rest}"


def answer(command: Command, state: CommandState, reason: str = "") -> None:
    """The house's bridge sends it and tells what the unit said."""
    assert mark_sent(command_id=command.pk, now=utcnow())
    bridge = command.target.site.bridges.get()
    record_result(
        bridge_id=bridge.pk,
        command_id=command.pk,
        state=state,
        reason=reason,
        at=utcnow(),
        now=utcnow(),
    )
    run_jobs()


def test_restart_is_confirmed_by_the_boot(
    browser: Client, installer: User, device: Device
) -> None:
    make_bridge(device.site, installer)
    make_seen(device)
    data = {"key": "k1"}
    for _ in range(2):  # the second click
        browser.post(remote(device, "reboot/"), data)
    command = Command.objects.get()
    assert (command.kind, command.state) == (CommandKind.REBOOT, "requested")
    answer(command, CommandState.ACKNOWLEDGED)
    assert "Acknowledged" in text_of(browser.get(remote(device)))
    make_event(device, "booted")
    process_waiting(now=utcnow())

    command.refresh_from_db()
    assert command.state == CommandState.CONFIRMED
    assert "Confirmed" in text_of(browser.get(remote(device)))
    assert AuditEntry.objects.filter(action="device.reboot").count() == 1


def test_boot_of_its_own_confirms_nothing(
    browser: Client, installer: User, device: Device
) -> None:
    make_bridge(device.site, installer)
    make_seen(device)
    browser.post(remote(device, "reboot/"), {"key": "k1"})
    command = Command.objects.get()
    answer(command, CommandState.ACKNOWLEDGED)
    Command.objects.update(requested_at=utcnow() - timedelta(hours=1))
    make_event(device, "booted")
    process_waiting(now=utcnow())

    command.refresh_from_db()
    assert command.state == CommandState.ACKNOWLEDGED


def test_refused_restart_shows_its_reason(
    browser: Client, installer: User, device: Device
) -> None:
    make_bridge(device.site, installer)
    make_seen(device)
    browser.post(remote(device, "reboot/"), {"key": "k1"})
    answer(Command.objects.get(), CommandState.FAILED, "unauthorized")

    page = text_of(browser.get(remote(device)))
    assert "The device refused the bridge&#x27;s credentials." in page


def test_factory_reset_asks_drops_one_time_commands_and_sends_all_again(
    browser: Client, installer: User, device: Device
) -> None:
    make_bridge(device.site, installer)
    make_seen(device)
    once = make_commands(installer, [device], kind=AutopKind.ONE_TIME)
    DeviceAccess.objects.update_or_create(
        device=device, defaults={"state": "done", "next_try_at": utcnow()}
    )
    address = remote(device, "reset/reset_factory/")
    assert "It opens for nobody" in text_of(browser.get(address))
    browser.post(address, {"typed": "something else", "key": "k"})
    orders = Command.objects.filter(kind=CommandKind.RESET_FACTORY)
    assert not orders.exists()
    browser.post(address, {"typed": device.name, "key": "k"})
    answer(orders.get(), CommandState.ACKNOWLEDGED)

    assert AutopItem.objects.get(order=once).state == AutopState.LOST
    assert not file_of(device).is_fetched
    assert DeviceAccess.objects.get(device=device).state == "pending"
    fetch(device)
    assert orders.get().state == CommandState.CONFIRMED


def test_without_a_bridge_the_file_orders_it_once(
    browser: Client, device: Device
) -> None:
    for _ in range(2):
        browser.post(remote(device, "reboot/"), {"key": "k1"})
    run_jobs()
    reboot = "Config.Autoprovision.Reboot.Enable"
    assert parse(file_of(device).body).settings[reboot] == "1"
    assert "no bridge" in text_of(browser.get(remote(device)))
    fetch(device)

    assert reboot not in parse(file_of(device).body).settings
    assert AutopItem.objects.get().state == AutopState.FETCHED
    assert "Fetched" in text_of(browser.get(remote(device)))


def test_configuration_reset_needs_a_bridge(browser: Client, device: Device) -> None:
    assert "Configuration reset" not in text_of(browser.get(remote(device)))
    address = remote(device, "reset/reset_configuration/")
    page = text_of(
        browser.post(address, {"typed": device.name, "key": "k"}, follow=True)
    )
    assert "only a bridge can reach the device" in page
    assert browser.get(remote(device, "reset/open_relay/")).status_code == 404


def test_transmission_type_is_one_that_the_server_speaks(
    browser: Client, device: Device, monkeypatch: pytest.MonkeyPatch
) -> None:
    from django.conf import settings

    key = "Config.Account1.SIP.TransType"
    settings_tab = f"/installer/devices/{device.mac}/settings/"
    refused = browser.post(settings_tab, {"transport": "tls"})
    assert "does not speak this" in text_of(refused)
    device.refresh_from_db()
    assert device.sip_transport == "udp"
    monkeypatch.setattr(settings.ENVIRONMENT, "sip_transports", "udp, tls")
    browser.post(settings_tab, {"transport": "tls"})
    run_jobs()

    written = parse(file_of(device).body).settings
    assert (written[key], written["Config.Account1.SIP.Port"]) == ("2", "5061")
    assert AuditEntry.objects.filter(action="device.transport_set").count() == 1
