"""Who may be given what: in the portal, and by two at once."""

from __future__ import annotations

import threading
from datetime import timedelta

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from portico.access.enums import CredentialKind, Repeat, ScheduleKind
from portico.access.errors import BadCredential, BadTempKey, TakenValue
from portico.access.models import (
    AccessEntry,
    Credential,
    DeviceAccess,
    HeldValue,
    Schedule,
    TempKey,
)
from portico.access.services.credentials import revoke_credential
from portico.access.services.leaving import let_member_go
from portico.access.services.ordering import PATIENCE, order_due
from portico.access.services.temp_keys import Hours, create_courier_key, revoke_temp_key
from portico.accounts.models import User
from portico.audit.models import AuditEntry
from portico.devices.enums import AccessMethod, CommandKind, CommandState
from portico.devices.models import Bridge, Command, Device
from portico.devices.services.bridges import remove_bridge
from portico.gateway.bridge_domain import rosters
from portico.gateway.roster_keys import codes_of
from portico.kernel.clock import utcnow
from portico.sites.models import Resident, Site
from tests.access.live_house import door
from tests.factories import (
    make_bridge,
    make_device,
    make_family_member,
    make_installer,
    make_seen,
    make_site,
    run_jobs,
)
from tests.factories.access import make_credential, make_key, make_schedule
from tests.factories.cameras import end_premium
from tests.portals.conftest import client_of
from tests.portals.support import text_of

pytestmark = [pytest.mark.integration]


class House:
    def __init__(self) -> None:
        self.installer: User = make_installer()
        self.site: Site = make_site(self.installer)
        self.device: Device = make_device(
            self.site, self.installer, model="R20A", relays=[door(1), door(2)]
        )
        self.master: Resident = self.site.residents.select_related("user").get()
        self.member: Resident = make_family_member(self.site, self.installer)
        self.browser: Client = client_of(self.installer)

    def page(self, of: Resident, more: str = "") -> str:
        return f"/installer/sites/{self.site.pk}/people/{of.pk}/access/{more}"

    def post(self, of: Resident, kind: str, **data: str) -> str:
        return text_of(self.browser.post(self.page(of, f"new/{kind}/"), data))


@pytest.fixture
def house(db: None) -> House:
    return House()


@pytest.mark.parametrize(
    ("pin", "why"),
    [
        ("123", "A PIN has 4 to 8 digits."),
        ("123456789", "A PIN has 4 to 8 digits."),
        ("12a4", "A PIN has 4 to 8 digits."),
        ("١٢٣٤", "A PIN has 4 to 8 digits."),
        ("5555", "not all equal"),
        ("9123", "does not begin with 9"),
    ],
)
def test_a_pin_that_cannot_be_is_refused_at_its_field(
    house: House, pin: str, why: str
) -> None:
    assert why in house.post(house.master, "pin", value=pin)
    assert not Credential.objects.exists()


def test_a_pin_that_portico_makes_up_is_shown_once(house: House) -> None:
    shown = house.post(house.master, "pin", value="")
    pin = Credential.objects.get().value
    assert len(pin) == 6
    assert pin in shown
    assert pin not in text_of(house.browser.get(house.page(house.master)))
    said = " ".join(str(entry.after) for entry in AuditEntry.objects.all())
    assert pin not in said


def test_a_value_is_taken_once_in_a_house(house: House) -> None:
    house.post(house.master, "pin", value="246802")
    refused = house.post(house.member, "pin", value="246802")
    assert "already in use in this house" in refused
    assert f"{house.master.user.name}<" not in refused.partition("<main")[2]
    # A QR code is typed nowhere, but its digits are one space with PINs.
    with pytest.raises(TakenValue):
        make_credential(house.member, house.installer, CredentialKind.QR, "246802")
    key = make_key(house.device, house.installer)
    with pytest.raises(TakenValue):
        make_credential(house.member, house.installer, value=key.pin)
    # Next door, and as a card's number, it is free.
    other = House()
    make_credential(other.master, other.installer, value="246802")
    make_credential(house.member, house.installer, CredentialKind.CARD, "246802")


def test_a_value_is_free_when_its_owner_has_ended(house: House) -> None:
    first = make_credential(house.master, house.installer, value="246802")
    revoke_credential(actor=house.installer, credential=first, now=utcnow())
    make_credential(house.member, house.installer, value="246802")
    key = make_key(house.device, house.installer)
    revoke_temp_key(actor=house.installer, key=key, now=utcnow())
    make_credential(house.master, house.installer, value=key.pin)
    over = make_key(house.device, house.installer)
    TempKey.objects.filter(pk=over.pk).update(ends_at=utcnow())
    make_credential(house.member, house.installer, CredentialKind.QR, over.pin)


def test_a_unit_that_was_never_here_holds_nothing_that_is_revoked(house: House) -> None:
    made = make_credential(house.master, house.installer, value="246802")
    revoke_credential(actor=house.installer, credential=made, now=utcnow())
    page = house.page(house.master)
    assert "Never on Front door" in text_of(house.browser.get(page))
    # One that was here, and may have it, is another matter.
    make_seen(house.device, at=utcnow() - timedelta(days=1))
    assert "Still on Front door" in text_of(house.browser.get(page))


def test_the_sixth_card_is_refused(house: House) -> None:
    card = CredentialKind.CARD
    for number in range(5):
        make_credential(house.master, house.installer, card, f"AAAA000{number}")
    assert "At most 5 of these" in house.post(house.master, "card", value="BBBB0001")
    assert Credential.objects.count() == 5
    make_credential(house.member, house.installer, card, "BBBB0001")
    with pytest.raises(BadCredential, match="card number"):
        make_credential(house.member, house.installer, card, "no card")


def test_what_is_another_houses_is_refused(house: House) -> None:
    other = House()
    schedule = make_schedule(other.site, other.installer)
    relays = list(other.device.relays.all())
    for more in ({"schedule": schedule}, {"relays": relays}):
        with pytest.raises(BadCredential):
            make_credential(house.master, house.installer, value="2468", **more)
    assert not Credential.objects.exists()


def test_a_dynamic_qr_code_needs_the_premium_plan(house: House) -> None:
    refused = house.post(house.master, "dynamic_qr")
    assert "part of the Premium Plan" in refused
    assert not Credential.objects.exists()
    made = make_credential(house.master, house.installer, CredentialKind.DYNAMIC_QR)
    picture = house.browser.get(house.page(house.master, f"{made.pk}/code.png"))
    assert picture.content.startswith(b"\x89PNG")

    def rolling() -> int:
        site = Site.objects.get(pk=house.site.pk)
        codes = codes_of([Bridge(site=site)])
        return sum(len(each.rolling) for each in codes.values())

    assert rolling() == 1
    end_premium(house.site)
    assert rolling() == 0


def test_who_leaves_takes_all_with_him(house: House) -> None:
    make_credential(house.member, house.installer, value="246802")
    entry = AccessEntry.objects.get()
    let_member_go(actor=house.installer, resident=house.member, now=utcnow())
    entry.refresh_from_db()
    assert not entry.is_wanted
    assert not Credential.objects.exists()
    assert not HeldValue.objects.exists()
    assert DeviceAccess.objects.get().state == "pending"


def test_a_door_that_comes_later_is_opened_too(house: House) -> None:
    make_credential(house.master, house.installer, value="246802")
    assert AccessEntry.objects.count() == 1
    make_device(house.site, house.installer, model="R20A", relays=[door(1)])
    run_jobs()
    assert AccessEntry.objects.filter(is_wanted=True).count() == 2


def test_a_schedule_that_never_holds_is_refused(house: House) -> None:
    url = f"/installer/sites/{house.site.pk}/schedules/new/"
    for data, why in (
        ({"kind": "weekly"}, "at least one day"),
        ({"kind": "daily", "time_from": "10:00", "time_until": "09:00"}, "hours end"),
        ({"kind": "daily", "time_from": "10:00"}, "both times"),
        ({"kind": "date_range"}, "first and the last day"),
    ):
        assert why in text_of(house.browser.post(url, {"name": "Odd", **data}))
    assert not Schedule.objects.exists()
    good = {"name": "Cleaner", "kind": "weekly", "days": ["1", "4"]}
    house.browser.post(url, good)
    assert Schedule.objects.get().days == "14"
    assert "of this name" in text_of(house.browser.post(url, good))


def test_a_schedule_in_use_stays(house: House) -> None:
    schedule = make_schedule(house.site, house.installer, kind=ScheduleKind.DAILY)
    pin = make_credential(house.master, house.installer, schedule=schedule)
    url = f"/installer/sites/{house.site.pk}/schedules/{schedule.pk}/delete/"
    shown = text_of(house.browser.post(url, follow=True))
    assert "Credentials use this schedule" in shown
    before = AccessEntry.objects.get().digest
    edit = url.replace("delete", "edit")
    data = {"name": "Cleaner", "kind": "daily", "version": "1"}
    data |= {"time_from": "08:00", "time_until": "12:00"}
    house.browser.post(edit, data)
    assert AccessEntry.objects.get().digest != before
    revoke_credential(actor=house.installer, credential=pin, now=utcnow())
    house.browser.post(url)
    assert not Schedule.objects.exists()


def test_one_tap_makes_a_courier_key(house: House) -> None:
    url = f"/installer/sites/{house.site.pk}/keys/"
    shown = house.browser.post(f"{url}courier/", follow=True)
    key = TempKey.objects.get()
    assert (key.kind, key.name, key.uses_allowed) == ("courier", "Courier", 1)
    assert key.ends_at - key.starts_at == timedelta(hours=24)
    assert key.relays.count() == 2
    assert key.pin in text_of(shown)
    assert shown["Cache-Control"] == "private, no-store"
    assert house.browser.get(f"{url}{key.pk}/qr.png")["Content-Type"] == "image/png"
    house.browser.post(f"{url}{key.pk}/revoke/")
    assert key.pin not in text_of(house.browser.get(f"{url}{key.pk}/"))
    assert house.browser.get(f"{url}{key.pk}/qr.png").status_code == 404


def test_a_courier_needs_a_door_that_takes_a_pin(house: House) -> None:
    other = make_site(house.installer)
    make_device(other, house.installer, relays=[door(1, AccessMethod.HOMEPAGE)])
    with pytest.raises(BadTempKey):
        create_courier_key(actor=house.installer, site=other, now=utcnow())


def test_keys_are_found_by_validity_and_repeat_mode(house: House) -> None:
    now = utcnow()
    names = ("Live", "Coming", "Over", "Gone", "Weekly")
    live, coming, over, gone, weekly = (
        make_key(house.device, house.installer, name=name) for name in names
    )
    TempKey.objects.filter(pk=coming.pk).update(starts_at=now + timedelta(minutes=9))
    TempKey.objects.filter(pk=over.pk).update(uses_made=1)
    TempKey.objects.filter(pk=weekly.pk).update(repeat=Repeat.WEEKLY)
    revoke_temp_key(actor=house.installer, key=gone, now=now)
    url = f"/installer/sites/{house.site.pk}/keys/"

    def found(query: str) -> set[str]:
        rows = house.browser.get(f"{url}?{query}").context["listing"].items
        return {row.key.name for row in rows}

    assert found("state=live") == {"Live", "Weekly"}
    assert found("state=coming") == {"Coming"}
    assert found("state=over") == {"Over"}
    assert found("state=revoked") == {"Gone"}
    assert found("repeat=weekly") == {"Weekly"}
    assert found("q=eek") == {"Weekly"}
    file = house.browser.get(f"{url}?export=csv")
    assert live.name.encode() in b"".join(file)


def test_a_visitors_key_is_made_in_the_time_of_the_house(house: House) -> None:
    relay = house.device.relays.first()
    assert relay is not None
    Site.objects.filter(pk=house.site.pk).update(time_zone="Asia/Tokyo")
    data = {
        "name": "Gran",
        "repeat": "weekly",
        "days": ["1", "3"],
        "time_from": "09:00",
        "time_until": "12:00",
        "starts_at": "2035-05-01T09:00",
        "ends_at": "2035-06-01T09:00",
        "uses_allowed": "2",
        "relays": [str(relay.pk)],
    }
    url = f"/installer/sites/{house.site.pk}/keys/new/"
    house.browser.post(url, data)
    key = TempKey.objects.get()
    assert key.starts_at.isoformat() == "2035-05-01T00:00:00+00:00"
    assert (key.days, key.uses_in_all, key.is_per_door) == ("13", 2, True)
    refused = text_of(house.browser.post(url, {**data, "days": []}))
    assert "at least one day" in refused
    no_end = text_of(
        house.browser.post(url, {**data, "repeat": "never", "uses_allowed": ""})
    )
    assert "used 1 to 100 times" in no_end
    assert TempKey.objects.count() == 1


def test_a_repeating_key_without_a_count_goes_to_the_units(house: House) -> None:
    make_key(house.device, house.installer, uses_allowed=2, is_per_door=True)
    assert not AccessEntry.objects.exists()
    hours = Hours(repeat=Repeat.DAILY)
    key = make_key(house.device, house.installer, uses_allowed=None, hours=hours)
    assert AccessEntry.objects.get().temp_key == key
    assert DeviceAccess.objects.get().changes_at == key.ends_at


def test_only_a_bridge_that_began_anew_is_told_again(house: House) -> None:
    # One of before, which is nobody any more.
    old = make_bridge(house.site, house.installer)
    remove_bridge(actor=house.installer, bridge=old, now=utcnow())
    bridge = make_bridge(house.site, house.installer)
    make_seen(house.device)
    make_credential(house.master, house.installer, value="246802")
    orders = Command.objects.filter(kind=CommandKind.SYNC_ACCESS)
    assert DeviceAccess.objects.get().state == "writing"
    orders.update(state=CommandState.ACKNOWLEDGED)
    order_due(now=utcnow())
    assert orders.count() == 1
    Bridge.objects.filter(pk=bridge.pk).update(session="gateway:another")
    order_due(now=utcnow())
    assert orders.count() == 2
    # It says nothing any more: it is told once more after a while.
    orders.update(state=CommandState.ACKNOWLEDGED)
    order_due(now=utcnow() + PATIENCE)
    assert orders.count() == 3


@pytest.mark.django_db(transaction=True)
def test_of_two_who_choose_the_same_pin_at_once_one_gets_it() -> None:
    house = House()
    barrier = threading.Barrier(2)
    results: list[str] = []

    def add(resident: Resident) -> None:
        try:
            barrier.wait()
            make_credential(resident, house.installer, value="246802")
        except TakenValue:
            results.append("taken")
        else:
            results.append("added")
        finally:
            connection.close()

    people = (house.master, house.member)
    threads = [threading.Thread(target=add, args=(one,)) for one in people]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(results) == ["added", "taken"]
    assert Credential.objects.count() == 1
    assert AccessEntry.objects.count() == 1


def test_rosters_together_are_what_each_is_alone(house: House) -> None:
    """A dynamic code in one house, a visitor in another, one bridge that is none."""
    other = House()
    empty = make_bridge(make_site(house.installer, "Empty"), house.installer)
    gone = make_bridge(make_site(house.installer, "Gone"), house.installer)
    bridges = [make_bridge(one.site, one.installer) for one in (house, other)]
    remove_bridge(actor=house.installer, bridge=gone, now=utcnow())
    make_credential(house.master, house.installer, CredentialKind.DYNAMIC_QR)
    make_credential(other.master, other.installer, CredentialKind.QR)
    make_key(other.device, other.installer)

    ids = [one.pk for one in (*bridges, empty, gone)]
    with CaptureQueriesContext(connection) as together:
        found = rosters(ids)
    alone = [rosters([one]) for one in ids]
    assert found == {key: told for one in alone for key, told in one.items()}
    assert set(found) == set(ids[:3])
    (mine, macs), (theirs, _), (nothing, _) = (found[key] for key in ids[:3])
    assert macs == {house.device.mac: house.device.pk}
    assert [len(unit.rolling) for unit in mine.devices] == [1]
    assert [(len(one.guests), len(one.keys)) for one in theirs.devices] == [(1, 1)]
    assert nothing.devices == ()
    with CaptureQueriesContext(connection) as one_more:
        rosters(ids[:2])
    assert len(together) == len(one_more)
