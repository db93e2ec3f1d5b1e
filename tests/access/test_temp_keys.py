from __future__ import annotations

import secrets
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from portico.access.errors import BadTempKey
from portico.access.models import TempKey
from portico.access.selectors import (
    get_temp_key,
    live_temp_keys,
    temp_key_by_id,
    temp_keys_of,
)
from portico.access.services.temp_keys import create_temp_key, revoke_temp_key
from portico.audit.models import AuditEntry
from portico.devices.models import Device
from portico.kernel.errors import NotVisible
from portico.sites.models import Resident, Site
from tests.conftest import MemoryBus
from tests.factories import make_device, make_installer, make_site

pytestmark = pytest.mark.integration

NOON = datetime(2026, 5, 4, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)


class House:
    def __init__(self) -> None:
        installer = make_installer()
        self.site: Site = make_site(installer)
        self.device: Device = make_device(self.site, installer)
        self.resident: Resident = self.site.residents.select_related("user").get()

    def key(self, **fields: Any) -> TempKey:
        known: dict[str, Any] = {
            "actor": self.resident.user,
            "site": self.site,
            "name": "Parcel",
            "relays": list(self.device.relays.all()),
            "starts_at": NOON,
            "ends_at": NOON + HOUR,
            "uses_allowed": 1,
            "now": NOON,
        }
        return create_temp_key(**known | fields)


@pytest.fixture
def house() -> House:
    return House()


@pytest.mark.django_db
def test_a_key_has_a_pin_that_units_take(house: House) -> None:
    pins = {house.key().pin for _ in range(30)}

    assert len(pins) == 30
    for pin in pins:
        assert len(pin) == 8
        assert pin.isdigit()
        assert not pin.startswith("9")
        assert len(set(pin)) > 1


@pytest.mark.django_db
def test_a_pin_is_taken_once_in_a_house(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    numbers = iter([11111111, 12345678, 12345678, 87654321])
    monkeypatch.setattr(secrets, "randbelow", lambda _most: next(numbers))

    assert house.key().pin == "12345678"
    assert house.key().pin == "87654321"


@pytest.mark.django_db
def test_the_pin_is_sealed_in_the_database(house: House) -> None:
    from django.db import connection

    key = house.key()
    with connection.cursor() as cursor:
        cursor.execute("SELECT pin FROM access_tempkey")
        [(kept,)] = cursor.fetchall()

    assert key.pin not in kept


@pytest.mark.django_db
@pytest.mark.parametrize(
    "wrong",
    [
        {"name": ""},
        {"name": "   "},
        {"relays": []},
        {"ends_at": NOON},
        {"starts_at": NOON + HOUR},
        {"starts_at": NOON - 2 * HOUR, "ends_at": NOON - HOUR},
        {"uses_allowed": 0},
        {"uses_allowed": 101},
    ],
)
def test_a_senseless_key_is_refused(house: House, wrong: dict[str, Any]) -> None:
    with pytest.raises(BadTempKey):
        house.key(**wrong)

    assert not TempKey.objects.exists()
    assert not AuditEntry.objects.filter(action__startswith="temp_key").exists()


@pytest.mark.django_db
def test_a_relay_of_another_house_is_refused(house: House) -> None:
    foreign = list(House().device.relays.all())
    with pytest.raises(BadTempKey):
        house.key(relays=[*house.device.relays.all(), *foreign])

    assert not TempKey.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_the_bridge_hears_of_changes(house: House, bus: MemoryBus) -> None:
    bus.published.clear()
    key = house.key()
    revoke_temp_key(actor=house.resident.user, key=key, now=NOON)
    revoke_temp_key(actor=house.resident.user, key=key, now=NOON)

    hints = [
        payload for subject, payload in bus.published if subject == "roster.changed"
    ]
    assert hints == [{"site": str(house.site.pk)}] * 2


@pytest.mark.django_db
def test_changes_are_on_record_without_the_pin(house: House) -> None:
    key = house.key()
    revoke_temp_key(actor=house.resident.user, key=key, now=NOON)

    entries = AuditEntry.objects.filter(action__startswith="temp_key").order_by("pk")
    assert [entry.action for entry in entries] == [
        "temp_key.created",
        "temp_key.revoked",
    ]
    assert all(key.pin not in str(vars(entry)) for entry in entries)


@pytest.mark.django_db
def test_selectors_show_a_house_its_own_unrevoked_keys(house: House) -> None:
    other = House()
    mine, gone, foreign = house.key(), house.key(), other.key()
    revoke_temp_key(actor=house.resident.user, key=gone, now=NOON)

    assert list(temp_keys_of([house.resident])) == [mine]
    assert get_temp_key([house.resident], str(mine.pk)) == mine
    for hidden in (str(gone.pk), str(foreign.pk), "0", "", "x", "-1", "9" * 5000):
        with pytest.raises(NotVisible):
            get_temp_key([house.resident], hidden)
    assert temp_key_by_id(mine.pk) == mine
    assert temp_key_by_id(gone.pk) is None


@pytest.mark.django_db
def test_live_keys_open_something_now_or_later(house: House) -> None:
    live = house.key()
    later = house.key(starts_at=NOON + HOUR, ends_at=NOON + 2 * HOUR)
    used, revoked = house.key(), house.key()
    TempKey.objects.filter(pk=used.pk).update(uses_made=1)
    revoke_temp_key(actor=house.resident.user, key=revoked, now=NOON)

    assert set(live_temp_keys([house.site], NOON)) == {live, later}
    assert set(live_temp_keys([house.site], NOON + HOUR)) == {later}
