"""What the unit really has, beside what is saved: shown, and mended by a click (PRV-5)."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.test import Client

from portico.accounts.models import User
from portico.devices.enums import CommandKind, CommandState
from portico.devices.models import Command, Device
from portico.kernel.clock import utcnow
from portico.provisioning.models import SettingsCheck
from portico.provisioning.services.comparing import (
    comparable,
    compare_due,
    keys_to_read,
    note_settings,
)
from portico.provisioning.services.files import note_applied
from portico.sites.models import Site
from tests.factories import make_bridge, make_device, make_seen, run_jobs
from tests.factories.autop import fetch, file_of
from tests.portals.support import text_of

pytestmark = [pytest.mark.integration, pytest.mark.django_db]
NAME = "Config.DoorSetting.DEVICENODE.Location"


@pytest.fixture
def device(site: Site, installer: User) -> Device:
    made = make_device(site, installer)
    make_bridge(site, installer)
    make_seen(made)
    run_jobs()
    fetch(made)
    return made


def page(browser: Client, device: Device) -> str:
    return text_of(browser.get(f"/installer/devices/{device.mac}/provisioning/"))


def compare(browser: Client, device: Device, **changed: str | None) -> None:
    """Somebody compares, and the unit has everything but what is ``changed``."""
    address = f"/installer/devices/{device.mac}/provisioning/compare/"
    browser.post(address, {"key": str(utcnow())})
    command = Command.objects.filter(kind=CommandKind.READ_SETTINGS).latest(
        "requested_at"
    )
    told: dict[str, str | None] = dict(comparable(file_of(device).body))
    told |= {NAME: changed["name"]} if "name" in changed else {}
    has = {key: value for key, value in told.items() if value is not None}
    note_settings(command_id=command.pk, told=has, now=utcnow())
    Command.objects.update(state=CommandState.ACKNOWLEDGED)


def test_what_agrees_is_said_to_agree(browser: Client, device: Device) -> None:
    assert "Not compared yet." in page(browser, device)
    compare(browser, device)
    assert "settings are as saved." in page(browser, device)


def test_what_was_changed_at_the_unit_is_shown_and_sent_again(
    browser: Client, device: Device
) -> None:
    before = file_of(device)
    compare(browser, device, name="Cellar")
    shown = page(browser, device)
    assert "1 setting differs from what is saved." in shown
    assert "Cellar" in shown
    browser.post(f"/installer/devices/{device.mac}/provisioning/repair/")
    run_jobs()

    after = file_of(device)
    assert after.etag != before.etag  # other bytes, or the unit would skip it
    assert after.revision == before.revision
    assert not after.is_fetched
    fetch(device)
    assert file_of(device).is_fetched
    compare(browser, device)
    assert "settings are as saved." in page(browser, device)


def test_what_the_unit_does_not_have_is_listed(browser: Client, device: Device) -> None:
    compare(browser, device, name=None)
    shown = page(browser, device)
    assert "1 setting the device does not have" in shown
    assert "differ" not in shown.partition('id="compare"')[2].partition("</section>")[0]


def test_no_secret_is_asked_for(device: Device) -> None:
    keys = keys_to_read(device.pk)
    assert NAME in keys
    assert not [key for key in keys if "Pwd" in key or "Password" in key]
    assert not [key for key in keys if key.endswith("Url") or "ACTIONURL" in key]
    secrets = device.secrets
    values = " ".join(comparable(file_of(device).body).values())
    assert secrets.file_secret not in values
    assert secrets.event_secret not in values


def test_compared_by_itself_once_settings_were_taken_and_once_a_day(
    device: Device,
) -> None:
    now = utcnow()

    def asked() -> int:
        return Command.objects.filter(kind=CommandKind.READ_SETTINGS).count()

    note_applied(device=device, revision=file_of(device).revision, at=now)
    compare_due(now=now + timedelta(seconds=5))
    assert asked() == 0
    compare_due(now=now + timedelta(seconds=25))
    assert asked() == 1
    command = Command.objects.get(kind=CommandKind.READ_SETTINGS)
    note_settings(command_id=command.pk, told={NAME: "Front door"}, now=now)
    Command.objects.update(state=CommandState.ACKNOWLEDGED)
    compare_due(now=now + timedelta(hours=23))
    assert asked() == 1
    compare_due(now=now + timedelta(hours=25))
    assert asked() == 2


def test_unit_that_is_away_is_not_asked(device: Device) -> None:
    now = utcnow()
    note_applied(device=device, revision=file_of(device).revision, at=now)
    device.presence.is_online = False
    device.presence.save()
    compare_due(now=now + timedelta(hours=1))

    assert not Command.objects.exists()
    assert SettingsCheck.objects.get().next_at < now + timedelta(hours=1)
