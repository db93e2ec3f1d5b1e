from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from portico.devices.enums import PresenceVia
from portico.devices.models import Device, Presence
from portico.devices.services.presence import (
    SILENCE,
    Contact,
    record_contacts,
    sweep_silent,
)
from tests.conftest import MemoryBus
from tests.factories import make_device, make_installer, make_site

pytestmark = [pytest.mark.integration, pytest.mark.django_db(transaction=True)]
NOON = datetime(2026, 5, 4, 12, tzinfo=UTC)


@pytest.fixture
def device() -> Device:
    installer = make_installer()
    return make_device(make_site(installer), installer)


def heard(device: Device, after: float, address: str = "") -> list[int]:
    moment = NOON + timedelta(seconds=after)
    contact = Contact(device.pk, moment, PresenceVia.EVENT, address)
    return record_contacts(contacts=[contact])


def changes(bus: MemoryBus) -> list[bool]:
    return [
        payload["online"]
        for subject, payload in bus.published
        if subject == "presence.changed"
    ]


def test_first_contact_is_online_silence_is_offline_and_each_is_told_once(
    device: Device, bus: MemoryBus
) -> None:
    assert heard(device, 0) == [device.pk]
    assert heard(device, 30) == []
    assert sweep_silent(now=NOON + timedelta(seconds=30) + SILENCE) == []
    late = NOON + timedelta(seconds=31) + SILENCE
    assert sweep_silent(now=late) == [device.pk]
    assert sweep_silent(now=late) == []
    assert heard(device, 200) == [device.pk]

    assert changes(bus) == [True, False, True]


def test_device_that_is_heard_every_half_minute_never_flaps(
    device: Device, bus: MemoryBus
) -> None:
    for second in range(0, 600, 30):
        heard(device, second)
        sweep_silent(now=NOON + timedelta(seconds=second + 29))

    assert changes(bus) == [True]


def test_older_contact_of_another_gateway_makes_nobody_younger(device: Device) -> None:
    heard(device, 60)
    heard(device, 10)

    assert Presence.objects.get().last_seen_at == NOON + timedelta(seconds=60)


def test_contact_of_a_removed_device_is_dropped(device: Device) -> None:
    gone = Contact(device.pk + 1, NOON, PresenceVia.EVENT)

    assert record_contacts(contacts=[gone]) == []
    assert not Presence.objects.exists()


def test_address_in_the_house_is_kept_and_its_bridge_told_once(
    device: Device, bus: MemoryBus
) -> None:
    for second in (0, 30):
        heard(device, second, "192.168.1.7")

    assert Presence.objects.get().lan_address == "192.168.1.7"
    subjects = [subject for subject, _ in bus.published]
    assert subjects.count("roster.changed") == 1


def test_contacts_of_many_cost_few_queries(
    django_assert_max_num_queries: object,
) -> None:
    installer = make_installer()
    site = make_site(installer)
    devices = [make_device(site, installer) for _ in range(3)]
    contacts = [Contact(d.pk, NOON, PresenceVia.EVENT) for d in devices]
    record_contacts(contacts=contacts)
    later = NOON + timedelta(seconds=30)
    again = [Contact(d.pk, later, PresenceVia.EVENT) for d in devices]

    # Two reads, one update for all of that second, and the transaction's own two.
    with django_assert_max_num_queries(5):  # type: ignore[operator]  # pytest-django's
        record_contacts(contacts=again)
