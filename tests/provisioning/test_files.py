from __future__ import annotations

from datetime import UTC, datetime

import pytest
from django.db import connection

from portico.devices.models import Bridge, Device
from portico.devices.services.bridges import remove_bridge
from portico.kernel.clock import utcnow
from portico.protocols.autop.grammar import parse
from portico.provisioning.models import ProvisioningFile
from portico.provisioning.services.files import note_applied, note_fetched, publish_file
from tests.factories import (
    make_bridge,
    make_device,
    make_installer,
    make_relay_data,
    make_site,
    run_jobs,
)

pytestmark = [pytest.mark.integration, pytest.mark.django_db]
SUMMER = datetime(2026, 7, 1, tzinfo=UTC)
WINTER = datetime(2026, 1, 1, tzinfo=UTC)
RELAY = "Config.DoorSetting.RELAY."


def make(model: str = "R29", zone: str = "Europe/Berlin") -> Device:
    installer = make_installer()
    site = make_site(installer, time_zone=zone)
    relays = [make_relay_data(1, code="#"), make_relay_data(2, code="42")]
    is_monitor = model == "C313"
    return make_device(
        site, installer, model=model, relays=[] if is_monitor else relays
    )


def settings_of(device: Device, now: datetime = SUMMER) -> dict[str, str]:
    file = publish_file(device=device, now=now)
    parsed = parse(file.body)
    assert not parsed.problems
    assert not parsed.duplicates
    return parsed.settings


@pytest.mark.parametrize(
    ("model", "name_key", "hold_key"),
    [("R29", "NameA", "HoldDelayA"), ("R20A", "RelayNameA", "RelayADelay")],
)
def test_relay_settings_are_spelled_as_the_model_reads_them(
    model: str, name_key: str, hold_key: str
) -> None:
    settings = settings_of(make(model))

    assert settings[RELAY + name_key] == "Door 1"
    assert settings[RELAY + hold_key] == "5"
    other = {"NameA", "HoldDelayA", "RelayNameA", "RelayADelay"} - {name_key, hold_key}
    assert not {RELAY + key for key in other} & set(settings)


def test_dtmf_codes_of_one_and_of_more_digits_have_their_own_keys() -> None:
    settings = settings_of(make())

    assert settings["Config.DoorSetting.DTMF.Code1"] == "#"
    assert settings["Config.DoorSetting.DTMF.MultiCode2"] == "42"


def test_account_without_a_number_where_the_model_has_it_so() -> None:
    settings = settings_of(make("E18C"))

    assert "Config.Account.SIP.Server" in settings
    assert not [key for key in settings if key.startswith("Config.Account1.")]


def test_monitor_gets_no_door_settings() -> None:
    settings = settings_of(make("C313"))

    assert "Config.DoorSetting.RELAY.RelayOnWeb" in settings
    assert not [key for key in settings if key.startswith("Config.DoorSetting.DTMF")]


@pytest.mark.parametrize(
    ("zone", "offset"),
    [
        ("Europe/Berlin", "GMT+1:00"),
        ("America/New_York", "GMT-5:00"),
        ("Asia/Kolkata", "GMT+5:30"),
        ("America/St_Johns", "GMT-3:30"),
        ("UTC", "GMT+0:00"),
    ],
)
def test_zone_is_the_standard_offset_all_year(zone: str, offset: str) -> None:
    device = make(zone=zone)

    for now in (SUMMER, WINTER):
        assert settings_of(device, now)["Config.Settings.SNTP.TimeZone"] == offset


@pytest.mark.parametrize(
    ("model", "language", "number"),
    [
        ("S532", "en", "1"),
        ("S532", "tr", "14"),
        ("S532", "de", None),
        ("R29", "en", None),
        ("", "ru", None),
    ],
)
def test_language_is_written_where_the_models_number_is_published(
    model: str, language: str, number: str | None
) -> None:
    installer = make_installer()
    site = make_site(installer, language=language)
    settings = settings_of(make_device(site, installer, model=model))

    for key in ("Type", "WebLang"):
        assert settings.get(f"Config.Settings.LANGUAGE.{key}") == number


def test_every_secret_is_its_own() -> None:
    device = make()
    secrets = device.secrets
    values = [
        secrets.file_secret,
        secrets.event_secret,
        secrets.api_password,
        secrets.open_password,
        secrets.rtsp_password,
        device.sip.password,
    ]

    assert len(set(values)) == len(values)
    assert min(map(len, values)) >= 22


def test_file_is_sealed_in_the_database() -> None:
    device = make()
    publish_file(device=device, now=SUMMER)
    with connection.cursor() as cursor:
        cursor.execute("SELECT body FROM provisioning_provisioningfile")
        [(stored,)] = cursor.fetchall()
    assert "Config." not in stored


def test_same_content_is_the_same_file_and_the_same_time() -> None:
    device = make()
    first = publish_file(device=device, now=SUMMER)
    again = publish_file(device=device, now=utcnow())

    assert (again.etag, again.published_at) == (first.etag, SUMMER)


def test_events_go_to_the_bridge_while_the_house_has_one() -> None:
    installer = make_installer()
    site = make_site(installer)
    device = make_device(site, installer)
    make_bridge(site, installer)
    key = "Config.Features.ACTIONURL.RelayATriggered"
    assert settings_of(device)[key].startswith("http://192.168.1.5:8089/e/")

    remove_bridge(actor=installer, bridge=Bridge.objects.get(), now=SUMMER)
    run_jobs()
    body = ProvisioningFile.objects.get().body
    assert parse(body).settings[key].startswith("http://127.0.0.1:8000/e/")


def test_fetched_and_applied_are_told_apart_by_revision() -> None:
    device = make()
    file = publish_file(device=device, now=SUMMER)
    note_fetched(device_id=device.pk, revision=file.revision, etag=file.etag, at=SUMMER)
    file.refresh_from_db()
    assert (file.is_fetched, file.is_applied) == (True, False)

    note_applied(device=device, revision=file.revision, at=SUMMER)
    file.refresh_from_db()
    assert file.is_applied
    device.name = "Back door"
    device.save()
    changed = publish_file(device=device, now=WINTER)
    assert (changed.is_fetched, changed.is_applied) == (False, False)
