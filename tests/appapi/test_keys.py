from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
import segno
from django.core import signing
from django.test import Client
from pytest_django import DjangoAssertNumQueries

from portico.access.models import TempKey
from portico.access.services.temp_keys import create_temp_key, revoke_temp_key
from portico.accounts.enums import DateFormat
from portico.appapi.views import keys
from portico.devices.enums import RelayKind
from portico.devices.models import Relay
from portico.kernel.clock import utcnow
from tests.appapi.picture import gray_png
from tests.appapi.support import V3, House
from tests.factories import make_device, make_relay_data

pytestmark = [pytest.mark.integration, pytest.mark.django_db]

LIST = f"{V3}/community/tempKey/getPersonalTempKeyList"
ADD = f"{V3}/single/tempKey/addPersonalTempKey"
DELETE = f"{V3}/single/tempKey/delPersonalTempKey"


def make_key(house: House, **fields: Any) -> TempKey:
    now = utcnow()
    known: dict[str, Any] = {
        "actor": house.user,
        "site": house.site,
        "name": "Parcel",
        "relays": list(house.door.relays.all()),
        "starts_at": now - timedelta(hours=1),
        "ends_at": now + timedelta(hours=1),
        "uses_allowed": 3,
        "now": now,
    }
    return create_temp_key(**known | fields)


def form(house: House, **fields: str) -> dict[str, str]:
    """What the one client that makes keys sends, word for word."""
    day = (utcnow() + timedelta(days=2)).strftime("%Y-%m-%d")
    known = {
        "Description": "Gardener",
        "IDNumber": "",
        "SchedulerType": "3",
        "DateFlag": "",
        "StartDay": utcnow().strftime("%Y-%m-%d"),
        "StopDay": day,
        "StartTime": "00:00:00",
        "StopTime": "23:59:59",
        "AllowedTimes": "5",
        "MAC[0][MAC]": house.door.mac,
        "MAC[0][Relay]": "0;1",
        "MAC[0][SecurityRelay]": "",
        "IsFollowMyAccess": "1",
    }
    return known | fields


# List


def test_a_key_has_every_field_that_clients_read(house: House) -> None:
    key = make_key(house)
    TempKey.objects.update(uses_made=1)

    reply = house.app().get(LIST, row="20", page="1")

    assert reply["code"] == 0
    [line] = reply["data"]
    zone = house.user.zone
    assert line == {
        "ID": str(key.pk),
        "Description": "Parcel",
        "TmpKey": key.pin,
        "BeginTime": key.starts_at.astimezone(zone).strftime("%d-%m-%Y %H:%M:%S"),
        "EndTime": key.ends_at.astimezone(zone).strftime("%d-%m-%Y %H:%M:%S"),
        "AccessTimes": "1",
        "AllowedTimes": "3",
        "EachAllowedTimes": "3",
        "QrCodeUrl": line["QrCodeUrl"],
        "Expired": "0",
        "Doors": [
            {
                "ID": str(relay.pk),
                "KeyID": str(key.pk),
                "Relay": str(relay.number - 1),
                "MAC": house.door.mac,
            }
            for relay in house.door.relays.all()
        ],
    }
    assert line["QrCodeUrl"].startswith("/")
    assert line["TmpKey"].isdigit()


def test_the_dates_of_a_key_are_in_the_accounts_order(house: House) -> None:
    house.user.date_format = DateFormat.YMD
    house.user.save()
    key = make_key(house)

    [line] = house.app().get(LIST)["data"]

    expected = key.ends_at.astimezone(house.user.zone).strftime("%Y-%m-%d %H:%M:%S")
    assert line["EndTime"] == expected


@pytest.mark.parametrize("way", ["late", "used"])
def test_a_key_that_opens_nothing_is_expired(house: House, way: str) -> None:
    make_key(house)
    if way == "late":
        TempKey.objects.update(ends_at=utcnow())
    else:
        TempKey.objects.update(uses_made=3)

    assert house.app().get(LIST)["data"][0]["Expired"] == "1"


def test_the_list_holds_the_houses_own_live_keys(house: House) -> None:
    other = House(email="bob@example.org", phone="7400123457")
    make_key(other, name="Foreign")
    gone = make_key(house, name="Gone")
    revoke_temp_key(actor=house.user, key=gone, now=utcnow())
    make_key(house, name="Mine")

    listed = [line["Description"] for line in house.app().get(LIST)["data"]]
    assert listed == ["Mine"]


@pytest.mark.parametrize("count", [1, 3])
def test_the_list_takes_the_same_queries_for_any_number_of_keys(
    house: House, count: int, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    for _ in range(count):
        make_key(house)
    app = house.app()

    with django_assert_num_queries(5):
        assert len(app.get(LIST)["data"]) == count


# Create


def test_a_key_is_made_as_asked(house: House) -> None:
    app = house.app()
    reply = app.post(ADD, **form(house))

    key = TempKey.objects.get()
    assert reply == {"code": 0, "msg": "success", "data": {"ID": str(key.pk)}}
    assert (key.name, key.uses_allowed, key.created_by) == ("Gardener", 5, house.user)
    local = key.ends_at.astimezone(house.user.zone)
    assert (local.hour, local.minute, local.second) == (23, 59, 59)
    assert {relay.number for relay in key.relays.all()} == {1, 2}
    [line] = app.get(LIST)["data"]
    assert line["Description"] == "Gardener"
    assert [door["Relay"] for door in line["Doors"]] == ["0", "1"]
    assert len(key.pin) == 8


def test_a_key_may_open_several_devices_and_security_relays(house: House) -> None:
    second = make_device(
        house.site, house.installer, name="Back", relays=[make_relay_data(1)]
    )
    house.door.relays.filter(number=2).update(kind=RelayKind.SECURITY, number=1)
    sent = form(house) | {
        "MAC[0][Relay]": "0",
        "MAC[0][SecurityRelay]": "0",
        "MAC[1][MAC]": second.mac.lower(),
        "MAC[1][Relay]": "0",
    }
    assert house.app().post(ADD, **sent)["code"] == 0

    opened = {
        (relay.device_id, relay.kind) for relay in TempKey.objects.get().relays.all()
    }
    assert opened == {
        (house.door.pk, "local"),
        (house.door.pk, "security"),
        (second.pk, "local"),
    }


def test_a_relay_named_twice_is_one(house: House) -> None:
    assert (
        house.app().post(ADD, **form(house) | {"MAC[0][Relay]": "0;0;0"})["code"] == 0
    )
    assert TempKey.objects.get().relays.count() == 1


@pytest.mark.parametrize(
    "change",
    [
        {"Description": ""},
        {"Description": "  "},
        {"Description": "\x00"},
        {"SchedulerType": "0"},
        {"SchedulerType": ""},
        {"AllowedTimes": "0"},
        {"AllowedTimes": "101"},
        {"AllowedTimes": "-1"},
        {"AllowedTimes": "x"},
        {"AllowedTimes": "9" * 5000},
        {"StopDay": "2001-01-01"},
        {"StopDay": "0001-01-01"},
        {"StopDay": "9999-12-31"},
        {"StopDay": "31-12-2099"},
        {"StopDay": ""},
        {"StartDay": "0001-01-01"},
        {"StartTime": "25:00:00"},
        {"StartTime": "12:00"},
        {"StopTime": "\x00"},
        {"MAC[0][MAC]": "0C1105FFFFFF"},
        {"MAC[0][MAC]": "nonsense"},
        {"MAC[0][Relay]": ""},
        {"MAC[0][Relay]": "2"},
        {"MAC[0][Relay]": "-1"},
        {"MAC[0][Relay]": "0;x"},
        {"MAC[0][Relay]": "9" * 5000},
        {"MAC[0][SecurityRelay]": "0"},
    ],
)
def test_a_senseless_key_is_refused(house: House, change: dict[str, str]) -> None:
    reply = house.app().post(ADD, **form(house) | change)

    assert reply["code"] == 1
    assert reply["msg"]
    assert not TempKey.objects.exists()


def test_a_key_to_another_house_is_refused(house: House) -> None:
    other = House(email="bob@example.org", phone="7400123457")
    sent = form(house) | {"MAC[1][MAC]": other.door.mac, "MAC[1][Relay]": "0"}

    reply = house.app().post(ADD, **sent)

    assert reply["msg"] == "A door of this key does not exist."
    assert not TempKey.objects.exists()


# Delete


def test_a_key_is_deleted_at_once(house: House) -> None:
    key = make_key(house)
    app = house.app()

    assert app.post(DELETE, ID=str(key.pk)) == {"code": 0, "msg": "success", "data": []}
    assert app.get(LIST)["data"] == []
    key.refresh_from_db()
    assert key.revoked_at is not None
    assert app.post(DELETE, ID=str(key.pk))["code"] == 1


@pytest.mark.parametrize("given", ["", "0", "-1", "x", "9" * 18, "9" * 5000, "\u0661"])
def test_a_key_that_is_not_there_is_not_deleted(house: House, given: str) -> None:
    make_key(house)

    reply = house.app().post(DELETE, ID=given)

    assert reply == {"code": 1, "msg": "not_found", "data": []}
    assert TempKey.objects.filter(revoked_at=None).count() == 1


def test_a_foreign_key_is_not_deleted(house: House) -> None:
    other = House(email="bob@example.org", phone="7400123457")
    key = make_key(other)

    assert house.app().post(DELETE, ID=str(key.pk))["msg"] == "not_found"
    key.refresh_from_db()
    assert key.revoked_at is None


# The picture


def qr_address(house: House) -> str:
    return str(house.app().get(LIST)["data"][0]["QrCodeUrl"])


def test_the_picture_shows_the_keys_digits(house: House) -> None:
    key = make_key(house)
    response = Client().get(qr_address(house))  # without a token, as clients do

    assert (response.status_code, response["Content-Type"]) == (200, "image/png")
    pixels = gray_png(response.content)
    border, scale = 4, 8
    modules = [row[border * scale :: scale] for row in pixels[border * scale :: scale]]
    drawn = [[value == 0 for value in row] for row in modules]
    expected = segno.make_qr(key.pin).matrix
    size = len(expected)
    assert [row[:size] for row in drawn[:size]] == [
        [bool(module) for module in row] for row in expected
    ]
    assert len(pixels) == (size + 2 * border) * scale


def test_the_address_of_a_picture_expires(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_key(house)
    address = qr_address(house)
    monkeypatch.setattr(keys, "_QR_SECONDS", -1)

    assert Client().get(address).status_code == 404


def test_the_address_of_a_picture_cannot_be_made_up(house: House) -> None:
    key = make_key(house)
    for sealed in (str(key.pk), signing.dumps(key.pk), "x:y:z", "\u00e4"):
        assert Client().get(f"{V3}/qr/{sealed}").status_code == 404


def test_a_deleted_keys_picture_is_gone(house: House) -> None:
    key = make_key(house)
    address = qr_address(house)
    revoke_temp_key(actor=house.user, key=key, now=utcnow())

    assert Client().get(address).status_code == 404


def test_every_relay_of_a_key_is_its_houses_own(house: House) -> None:
    make_key(house)

    assert set(Relay.objects.filter(temp_keys__site=house.site)) == set(
        house.door.relays.all()
    )
