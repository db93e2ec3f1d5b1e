from __future__ import annotations

from datetime import timedelta

import pytest

from portico.accounts.models import User
from portico.devices.models import Bridge, FoundUnit
from portico.devices.selectors import FOUND_FOR, found_units
from portico.devices.services.bridges import remove_bridge
from portico.devices.services.found import (
    MOST_PER_SITE,
    FoundData,
    forget_old_finds,
    note_found,
)
from portico.kernel.clock import utcnow
from tests.factories import make_bridge, make_installer, make_mac, make_site

pytestmark = [pytest.mark.integration, pytest.mark.django_db]
NOW = utcnow()


@pytest.fixture
def installer() -> User:
    return make_installer()


@pytest.fixture
def bridge(installer: User) -> Bridge:
    return make_bridge(make_site(installer), installer)


def unit(number: int, **changes: object) -> FoundData:
    fields = {
        "mac": f"0C1105{number:06X}",
        "model": "R20A",
        "firmware": "320.30.11.80",
        "address": "192.168.1.20",
        "seen_at": NOW + timedelta(seconds=number),
    }
    return FoundData(**fields | changes)  # type: ignore[arg-type]  # as it takes them


def test_unit_is_kept_once_with_what_it_said_last(bridge: Bridge) -> None:
    note_found(bridge_id=bridge.pk, units=[unit(1)], now=NOW + timedelta(days=1))
    later = unit(1, address="192.168.1.21", seen_at=NOW + timedelta(hours=1))
    note_found(bridge_id=bridge.pk, units=[later], now=NOW + timedelta(days=1))

    found = FoundUnit.objects.get()
    assert (found.address, found.seen_at) == ("192.168.1.21", later.seen_at)


def test_time_of_a_bridge_ahead_is_now(bridge: Bridge) -> None:
    ahead = unit(1, seen_at=NOW + timedelta(days=400))
    note_found(bridge_id=bridge.pk, units=[ahead], now=NOW)

    assert FoundUnit.objects.get().seen_at == NOW


@pytest.mark.parametrize("address", ["8.8.8.8", "router.lan", "", "2a00:1450::1"])
def test_address_of_elsewhere_is_left_out(bridge: Bridge, address: str) -> None:
    note_found(bridge_id=bridge.pk, units=[unit(1, address=address)], now=NOW)

    assert not FoundUnit.objects.exists()


def test_newest_are_kept_up_to_a_bound(bridge: Bridge) -> None:
    late = NOW + timedelta(days=1)
    for start in (0, 50):
        units = [unit(number) for number in range(start, start + 50)]
        note_found(bridge_id=bridge.pk, units=units, now=late)

    macs = set(FoundUnit.objects.values_list("mac", flat=True))
    assert macs == {unit(number).mac for number in range(100 - MOST_PER_SITE, 100)}


def test_removed_bridge_leaves_and_reports_nothing(
    bridge: Bridge, installer: User
) -> None:
    note_found(bridge_id=bridge.pk, units=[unit(1)], now=NOW)
    remove_bridge(actor=installer, bridge=bridge, now=NOW)
    note_found(bridge_id=bridge.pk, units=[unit(2)], now=NOW)

    assert not FoundUnit.objects.exists()


def test_finds_run_out(bridge: Bridge, installer: User) -> None:
    note_found(bridge_id=bridge.pk, units=[unit(0)], now=NOW)
    after = NOW + FOUND_FOR + timedelta(seconds=1)

    assert len(found_units(installer, bridge.site, now=NOW)) == 1
    assert found_units(installer, bridge.site, now=after) == []
    forget_old_finds(now=NOW)
    assert FoundUnit.objects.count() == 1
    forget_old_finds(now=after)
    assert not FoundUnit.objects.exists()


def test_library_says_what_may_be_added(bridge: Bridge, installer: User) -> None:
    listed = make_mac(installer, model="R20A")
    stranger = unit(9).mac
    units = [unit(0, mac=listed.mac), unit(0, mac=stranger)]
    note_found(bridge_id=bridge.pk, units=units, now=NOW)

    rows = found_units(installer, bridge.site, now=NOW)
    assert {u.mac: f.may_be_added for u, f in rows} == {
        listed.mac: True,
        stranger: False,
    }
