"""From the portal to the unit's own list, and back from it: real sockets all the way."""

from __future__ import annotations

from pathlib import Path

import pytest
from aiohttp import web

from portico.access.enums import CredentialKind, Repeat, ScheduleKind
from portico.access.models import AccessEntry, Credential, DeviceAccess, TempKey
from portico.access.services.credentials import (
    revoke_credential,
    shown_code,
)
from portico.access.services.temp_keys import Hours
from portico.devices.enums import AccessMethod, DeviceKind
from portico.devices.models import AccessWipe, Command
from portico.devices.services.registration import DeviceData, change_device
from portico.devices.services.wipes import wipe_due
from portico.events.models import LogEntry
from portico.events.services.logbook import process_waiting
from portico.gateway.roster_keys import codes_of
from portico.houses.services.turnover import reset_house
from portico.kernel.clock import utcnow
from portico.protocols.bridge.messages import Guest
from portico.protocols.rolling import PERIOD, code_at
from portico.simulator import local_server
from tests.access.live_house import LiveHouse, door, live_house
from tests.factories.access import make_dynamic_key, make_key, make_schedule
from tests.factories.cameras import make_premium
from tests.gateway.conftest import gateway
from tests.gateway.server import RunningGateway
from tests.portals.conftest import client_of
from tests.portals.support import text_of
from tests.waiting import eventually

pytestmark = [pytest.mark.integration]
__all__ = ["gateway"]


def test_a_pin_added_in_the_portal_opens_and_revoked_does_not(
    gateway: RunningGateway, tmp_path: Path
) -> None:
    with live_house(gateway, tmp_path) as house:
        browser = client_of(house.installer)
        page = f"/installer/sites/{house.site.pk}/people/{house.master.pk}/access/"
        assert not house.show("pin", code="246802")
        # One that somebody has entered at the unit itself.
        own = {"Name": "Neighbour", "UserID": "77", "PrivatePIN": "1357"}
        house.unit.unit.directory.add("user", [{**own, "ScheduleRelay": "1001-1;"}])

        browser.post(f"{page}new/pin/", {"value": "246802"})
        access = house.settle()
        assert (access.entries, access.foreign) == (2, 1)
        assert house.show("pin", code="246802")
        shown = text_of(browser.get(page))
        assert "On Front door" in shown
        assert "246802" not in shown
        ours = [user for user in house.users() if user["UserID"].startswith("PT-")]
        assert [user["ScheduleRelay"] for user in ours] == ["1001-12;"]

        pin = Credential.objects.get()
        browser.post(f"{page}{pin.pk}/revoke/")
        house.settle()
        assert not house.show("pin", code="246802")
        assert house.show("pin", code="1357")
        entry = house.entry(pin)
        assert not entry.is_wanted
        assert entry.confirmed_at is not None
        assert entry.confirmed_at >= entry.changed_at
        assert "revoked on server" in text_of(browser.get(page))
        device = text_of(browser.get(f"/installer/devices/{house.device.mac}/access/"))
        assert "up to date" in device
        assert "Portico leaves them as they are" in device
    assert "246802" not in str(house.log)
    pin.refresh_from_db()
    assert pin.value == ""


def test_cards_tags_and_bluetooth_open(gateway: RunningGateway, tmp_path: Path) -> None:
    with live_house(gateway, tmp_path) as house:
        house.give(CredentialKind.CARD, "0a:0b 0c-0d")
        house.give(CredentialKind.NFC, "DEADBEEF")
        phone = house.give(CredentialKind.BLUETOOTH)
        house.settle()
        assert house.show("card", card="0A0B0C0D")
        assert house.show("nfc", card="DEADBEEF")
        assert house.show("bluetooth", user=phone.value)


def test_a_schedule_is_kept_by_the_unit(
    gateway: RunningGateway, tmp_path: Path
) -> None:
    with live_house(gateway, tmp_path) as house:
        today = str(house.unit.unit.core.local_now().isoweekday() % 7)
        others = "".join(day for day in "0123456" if day != today)
        weekly = ScheduleKind.WEEKLY
        now = make_schedule(
            house.site, house.installer, name="Now", kind=weekly, days=today
        )
        later = make_schedule(
            house.site, house.installer, name="Later", kind=weekly, days=others
        )
        house.give(CredentialKind.CARD, "AAAA1111", schedule=now)
        out = house.give(CredentialKind.CARD, "BBBB2222", schedule=later)
        house.settle()
        assert house.show("card", card="AAAA1111")
        assert not house.show("card", card="BBBB2222")
        # Both are ours, and the unit's own two stay.
        assert len(house.unit.unit.directory.items("schedule")) == 2
        revoke_credential(actor=house.installer, credential=out, now=utcnow())
        house.settle()
        assert len(house.unit.unit.directory.items("schedule")) == 1
        assert house.show("card", card="AAAA1111")


def test_a_unit_that_is_away_is_told_when_it_is_back(
    gateway: RunningGateway, tmp_path: Path
) -> None:
    with live_house(gateway, tmp_path) as house:
        house.call(house.unit.act("offline"))
        pin = house.give(value="246802")
        access = DeviceAccess.objects.filter(device=house.device)
        eventually(lambda: house.after_tick(access).reason == "unreachable")
        assert house.entry(pin).confirmed_at is None
        page = f"/installer/sites/{house.site.pk}/people/{house.master.pk}/access/"
        shown = text_of(client_of(house.installer).get(page))
        assert "The bridge could not reach the device." in shown
        house.call(house.unit.act("online"))
        access.update(next_try_at=utcnow())
        house.settle()
        assert house.show("pin", code="246802")


def test_a_bridge_that_crashes_in_the_middle_begins_anew(
    gateway: RunningGateway, tmp_path: Path
) -> None:
    with live_house(gateway, tmp_path) as house:
        house.unit.unit.core.faults.add("api_silent")
        house.give(value="246802")
        access = DeviceAccess.objects.get(device=house.device)
        assert access.state == "writing"
        eventually(
            lambda: Command.objects.filter(
                kind="sync_access", state="acknowledged"
            ).exists()
        )
        house.kill_bridge()
        house.unit.unit.core.faults.clear()
        house.start_bridge()
        house.settle()
        assert len(house.users()) == 1
        assert house.show("pin", code="246802")


@pytest.mark.parametrize("fault", ["half", "unauthorized"])
def test_a_unit_that_answers_badly_ends_with_the_right_list(
    fault: str,
    gateway: RunningGateway,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    plain = local_server.LocalServer.handle
    left = {"/api/user/add": 1, "/api/user/get": 1}

    async def bad(
        self: local_server.LocalServer, request: web.BaseRequest, path: str
    ) -> web.StreamResponse:
        if fault == "unauthorized" and left.get(path):
            left[path] -= 1
            return web.Response(status=401)
        answer = await plain(self, request, path)
        if fault == "half" and answer.status == 200 and left.get(path):
            left[path] -= 1
            assert isinstance(answer, web.Response)
            return web.Response(text=str(answer.text)[:20])
        return answer

    with live_house(gateway, tmp_path) as house:
        monkeypatch.setattr(local_server.LocalServer, "handle", bad)
        house.give(value="246802")
        house.settle()
        assert left == {"/api/user/add": 0, "/api/user/get": 0}
        # The half answers were to orders that had been carried out.
        assert len(house.users()) == 1
        assert house.show("pin", code="246802")


def test_a_unit_that_throttles_gets_all(
    gateway: RunningGateway, tmp_path: Path
) -> None:
    with live_house(gateway, tmp_path, model="S532") as house:
        for number in range(5):
            house.give(CredentialKind.CARD, f"ABCD000{number}")
        house.settle()
        assert len(house.users()) == 5


def test_a_full_unit_says_which_are_missing(
    gateway: RunningGateway, tmp_path: Path
) -> None:
    with live_house(gateway, tmp_path) as house:
        object.__setattr__(house.unit.unit.core.model, "max_users", 1)
        try:
            first = house.give(CredentialKind.CARD, "AAAA1111")
            house.settle()
            second = house.give(CredentialKind.CARD, "BBBB2222")
            access = DeviceAccess.objects.filter(device=house.device)
            eventually(lambda: house.after_tick(access).state == "failed")
        finally:
            object.__setattr__(house.unit.unit.core.model, "max_users", 4000)
        assert house.entry(first).confirmed_at is not None
        assert house.entry(second).confirmed_at is None
        assert house.entry(second).reason == "rejected"
        assert house.show("card", card="AAAA1111")


def test_a_relay_that_no_longer_opens_by_it_is_taken_out(
    gateway: RunningGateway, tmp_path: Path
) -> None:
    with live_house(gateway, tmp_path) as house:
        house.give(value="246802")
        house.settle()
        device = house.device
        data = DeviceData(
            kind=DeviceKind(device.kind),
            name=device.name,
            relays=[door(1, AccessMethod.PIN), door(2, AccessMethod.CARD)],
        )
        change_device(
            actor=house.installer, device=device, data=data, version=1, now=utcnow()
        )
        eventually(lambda: house.users_after_tick()[0]["ScheduleRelay"] == "1001-1;")


def test_a_reset_clears_all_and_writes_nothing_back(
    gateway: RunningGateway, tmp_path: Path
) -> None:
    with live_house(gateway, tmp_path) as house:
        own = {"Name": "Before", "UserID": "77", "PrivatePIN": "1357"}
        house.unit.unit.directory.add("user", [own])
        house.give(value="246802")
        house.settle()
        assert len(house.users()) == 2
        orders = Command.objects.filter(kind="sync_access")
        before = list(orders.values_list("pk", flat=True))
        reset_house(actor=house.installer, site=house.site, now=utcnow())
        house.tick()
        # It waits until the unit is cleared.
        assert not orders.exclude(pk__in=before).exists()
        wipe_due(now=utcnow())
        eventually(lambda: house.users() == [])
        eventually(lambda: AccessWipe.objects.get().done_at)
        house.settle()
        assert house.users() == []
        assert not AccessEntry.objects.filter(is_wanted=True).exists()
        assert not AccessEntry.objects.filter(confirmed_at=None).exists()


def _opened(house: LiveHouse, how: str, code: str, count: int) -> bool:
    """Show a code that the bridge knows; whether the log has ``count`` openings then."""
    house.show(how, code=code)
    granted = LogEntry.objects.filter(outcome="granted", method__in=("guest", "qr"))
    try:
        eventually(
            lambda: (process_waiting(now=utcnow()), granted.count())[1] >= count,
            seconds=8,
        )
    except AssertionError:
        return False
    return True


def test_a_key_with_two_uses_per_door(gateway: RunningGateway, tmp_path: Path) -> None:
    with live_house(gateway, tmp_path) as house:
        key = make_key(house.device, house.installer, uses_allowed=1, is_per_door=True)
        roster = [
            guest for guest in _keys_of(house) if guest.id.startswith(str(key.pk))
        ]
        # Each door counts for itself.
        assert [(len(g.relays), g.uses_left) for g in roster] == [(1, 1), (1, 1)]
        _wait_for_roster(house)
        house.show("pin", code=key.pin)
        made = TempKey.objects.filter(pk=key.pk)
        eventually(
            lambda: (process_waiting(now=utcnow()), made.get().uses_made)[1] == 2
        )
        assert made.get().is_used_up
        assert _keys_of(house) == []


def test_a_key_that_repeats_is_on_the_unit_until_it_ends(
    gateway: RunningGateway, tmp_path: Path
) -> None:
    with live_house(gateway, tmp_path) as house:
        now = utcnow()
        key = make_key(
            house.device,
            house.installer,
            hours=Hours(repeat=Repeat.DAILY),
            uses_allowed=None,
        )
        house.settle()
        assert house.show("pin", code=key.pin)
        TempKey.objects.update(ends_at=now)
        DeviceAccess.objects.update(changes_at=now)
        eventually(lambda: house.users_after_tick() == [])
        assert not house.show("pin", code=key.pin)


def test_a_dynamic_qr_code_opens_once(gateway: RunningGateway, tmp_path: Path) -> None:
    # One whose units report QR codes.
    with live_house(gateway, tmp_path, model="X916") as house:
        make_premium(house.site)
        made = house.give(CredentialKind.DYNAMIC_QR)
        fixed = house.give(CredentialKind.QR, "13572468")
        _wait_for_roster(house)
        code = shown_code(made, utcnow())
        assert len(code) == 9
        # No keypad takes either.
        house.show("pin", code="13572468")
        assert _opened(house, "qr", code, 1)
        assert not _opened(house, "qr", code, 2)
        assert _opened(house, "qr", fixed.value, 2)
        names = LogEntry.objects.filter(outcome="granted", method="qr")
        assert {e.initiator for e in names} == {house.master.user.name}
    assert code not in str(house.log)


def test_a_visitors_dynamic_code_opens_once_and_counts(
    gateway: RunningGateway, tmp_path: Path
) -> None:
    with live_house(gateway, tmp_path, model="X916") as house:
        key = make_dynamic_key(house.device, house.installer, uses_allowed=2)
        _wait_for_roster(house)
        secret, now = bytes.fromhex(key.secret), int(utcnow().timestamp())
        # A code of long ago is nobody's.
        assert not _opened(house, "qr", code_at(secret, now // PERIOD - 9), 1)
        first = code_at(secret, now // PERIOD)
        house.show("pin", code=first)
        assert _opened(house, "qr", first, 1)
        assert not _opened(house, "qr", first, 2)
        made = TempKey.objects.filter(pk=key.pk)
        assert made.get().uses_made == 1
        # The next one, by a phone whose clock is a little fast.
        assert _opened(house, "qr", code_at(secret, now // PERIOD + 1), 2)
        assert made.get().is_used_up
    assert first not in str(house.log)


def _keys_of(house: LiveHouse) -> list[Guest]:
    bridge = house.site.bridges.get()
    codes = codes_of([bridge])
    return list(codes[house.device.pk].keys) if house.device.pk in codes else []


def _wait_for_roster(house: LiveHouse) -> None:
    """Until the bridge has been told: a roster after this moment."""
    before = len([x for x in house.process.log if x["event"] == "roster.taken"])

    def is_told() -> bool:
        taken = [x for x in house.process.log if x["event"] == "roster.taken"]
        return len(taken) > before or before > 1

    eventually(is_told)
