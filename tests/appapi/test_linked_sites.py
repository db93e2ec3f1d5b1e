"""One account with two houses: existing clients see the doors of both (SITE-7)."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from pytest_django import DjangoAssertNumQueries

from portico.access.models import TempKey
from portico.devices.enums import CommandState, DenialReason
from portico.devices.models import Command, Device
from portico.events.enums import LogKind, Method, Outcome
from portico.events.models import LogEntry
from portico.kernel.clock import utcnow
from portico.messaging.models import Receipt
from portico.sites.models import Entitlement, Resident, Site
from portico.sites.services.people import delete_family_member
from portico.sites.services.residents import signed_in_by
from tests.appapi.support import V3, V4, FakeBridge, House
from tests.appapi.test_keys import ADD, DELETE, LIST
from tests.appapi.test_keys import form as key_form
from tests.conftest import MemoryBus
from tests.factories import (
    make_bridge,
    make_device,
    make_message,
    make_relay_data,
    make_site,
    run_jobs,
)

pytestmark = [pytest.mark.integration]
in_transaction = pytest.mark.django_db
with_commits = pytest.mark.django_db(transaction=True)

NOT_FOUND = {"result": 1, "err_code": "1", "message": "not_found"}
DOOR_LOG = f"{V3}/single/log/getDoorLog"


class Cottage:
    """Ada's other house: the same account, a door, and a bridge."""

    def __init__(self, house: House) -> None:
        self.site: Site = make_site(
            house.installer,
            "Ada",
            email=str(house.user.email),
            link_to=house.user.pk,
            room_name="Cottage",
        )
        relays = [make_relay_data(1, "Garden")]
        self.door: Device = make_device(
            self.site, house.installer, name="Back door", relays=relays
        )
        self.bridge = make_bridge(self.site, house.installer)
        self.resident: Resident = self.site.residents.get()


@pytest.fixture
def cottage(house: House) -> Cottage:
    found = Cottage(house)
    run_jobs()
    return found


def end_service(site: Site) -> None:
    now = utcnow()
    rows = Entitlement.objects.filter(site=site)
    rows.update(starts_at=now - timedelta(days=2), ends_at=now - timedelta(days=1))


def write(device: Device, minutes: int, **fields: Any) -> LogEntry:
    """A line of the log, ``minutes`` ago."""
    known: dict[str, Any] = {
        "site": device.site,
        "organization": device.site.organization,
        "device": device,
        "device_name": device.name,
        "device_mac": device.mac,
        "relay_number": 1,
        "kind": LogKind.DOOR,
        "outcome": Outcome.GRANTED,
        "method": Method.APP,
        "occurred_at": utcnow() - timedelta(minutes=minutes),
        "received_at": utcnow(),
    }
    return LogEntry.objects.create(**known | fields)


@in_transaction
def test_userconf_holds_the_doors_of_all_houses(house: House, cottage: Cottage) -> None:
    datas = house.app().get("/userconf")["datas"]

    # What there is once is the first house's.
    assert datas["app_conf"]["project_name"] == "Lindenweg 5"
    assert datas["app_conf"]["sip"] == house.resident.sip.number
    assert [(one["location"], one["mac"]) for one in datas["dev_list"]] == [
        ("Lindenweg 5: Front door", house.door.mac),
        ("Cottage: Back door", cottage.door.mac),
    ]


@in_transaction
def test_with_one_house_left_nothing_is_prefixed(
    house: House, cottage: Cottage
) -> None:
    two = house.app()
    assert len(two.get("/userconf")["datas"]["dev_list"]) == 2
    Resident.objects.filter(pk=cottage.resident.pk).delete()

    [door] = two.get("/userconf")["datas"]["dev_list"]

    assert door["location"] == "Front door"


@in_transaction
def test_signing_in_with_a_token_is_one_query_for_all_houses(
    house: House, cottage: Cottage, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    token = house.tokens().token
    with django_assert_num_queries(1):
        homes = signed_in_by(token=token, now=utcnow())
        found = [(home.site.room_name, home.user.pk, home.sip.number) for home in homes]

    assert found == [
        ("Lindenweg 5", house.user.pk, house.resident.sip.number),
        ("Cottage", house.user.pk, cottage.resident.sip.number),
    ]


@in_transaction
@pytest.mark.usefixtures("_no_patience")
def test_a_door_costs_the_same_queries_with_two_houses(house: House) -> None:
    app = house.app()

    def tap() -> int:
        with CaptureQueriesContext(connection) as captured:
            app.post("/opendoor", mac=house.door.mac, relay="0", trace_id=str(utcnow()))
        return len(captured)

    tap()  # what is cached is
    with_one = tap()
    Cottage(house)
    assert tap() == with_one


@pytest.fixture
def bridges(bus: MemoryBus, house: House, cottage: Cottage) -> FakeBridge:
    """What both bridges take; either answers for its own house."""

    class Both(FakeBridge):
        def _hinted(self, subject: str, payload: Any) -> None:
            if subject == "command.requested":
                there = Command.objects.filter(device__site=cottage.site)
                of = cottage if there.filter(pk=payload["command"]) else house
                self._house = of  # type: ignore[assignment]  # has a bridge, too
            super()._hinted(subject, payload)

    return Both(bus, house)


@with_commits
def test_a_door_of_each_house_opens_by_its_mac(
    house: House, cottage: Cottage, bridges: FakeBridge
) -> None:
    app = house.app()
    for door in (house.door, cottage.door):
        assert app.post("/opendoor", mac=door.mac, relay="0")["result"] == 0
    opened = Command.objects.filter(pk__in=bridges.taken).order_by("requested_at")
    assert [(one.device_id, one.state) for one in opened] == [
        (house.door.pk, CommandState.ACKNOWLEDGED),
        (cottage.door.pk, CommandState.ACKNOWLEDGED),
    ]


@with_commits
def test_the_parameter_site_says_which_house(
    house: House, cottage: Cottage, bridges: FakeBridge
) -> None:
    app = house.app()
    here, there = house.resident.sip.number, cottage.resident.sip.number
    mac = cottage.door.mac
    assert app.post("/opendoor", mac=mac, relay="0", site=there)["result"] == 0
    # In the other house there is no such door.
    assert app.post("/opendoor", mac=mac, relay="0", site=here) == NOT_FOUND
    # What is none of his numbers says nothing.
    for number in ("0", "x" * 5000, cottage.site.family_sip.number):  # type: ignore[union-attr]  # a house has one
        answer = app.post("/opendoor", mac=house.door.mac, relay="0", site=number)
        assert answer["result"] == 0
    assert bridges.taken


@with_commits
def test_the_number_of_a_foreign_house_opens_nothing_there(
    house: House, cottage: Cottage
) -> None:
    other = House(email="bob@example.org", phone="7400123457")
    number = other.resident.sip.number
    answer = house.app().post("/opendoor", mac=other.door.mac, relay="0", site=number)
    assert answer == NOT_FOUND
    assert not Command.objects.exists()


@with_commits
def test_each_house_has_its_own_service(
    house: House, cottage: Cottage, bridges: FakeBridge
) -> None:
    end_service(house.site)
    app = house.app()

    answer = app.post("/opendoor", mac=house.door.mac, relay="0")
    assert answer["message"] == str(DenialReason.NO_SERVICE.label)
    assert app.post("/opendoor", mac=cottage.door.mac, relay="0")["result"] == 0
    assert app.get("/userconf")["datas"]["app_conf"]["account_expire"] == 1
    refused = app.post(ADD, **key_form(house))
    assert refused["msg"] == str(DenialReason.NO_SERVICE.label)
    there = key_form(house, **{"MAC[0][MAC]": cottage.door.mac, "MAC[0][Relay]": "0"})
    assert app.post(ADD, **there)["code"] == 0
    assert TempKey.objects.get().site == cottage.site


@in_transaction
def test_logs_of_all_houses_are_one_newest_first(
    house: House, cottage: Cottage
) -> None:
    for minutes in range(6):
        write(cottage.door if minutes % 2 else house.door, minutes)
    other = House(email="bob@example.org", phone="7400123457")
    write(other.door, 0)
    app = house.app()

    pages = [
        [line["Location"] for line in app.get(DOOR_LOG, row="4", page=page)["data"]]
        for page in ("1", "2", "3")
    ]

    here, there = "Lindenweg 5: Front door", "Cottage: Back door"
    assert pages == [[here, there, here, there], [here, there], []]
    member = app.get(f"{V4}/getDoorLog", row="4")["data"]["list"]
    assert [line["deviceName"] for line in member] == [here, there, here, there]


@in_transaction
def test_a_call_names_the_house_that_it_came_to(house: House, cottage: Cottage) -> None:
    ring = {"kind": LogKind.CALL, "outcome": Outcome.NOTED, "method": Method.NONE}
    write(house.door, 2, **ring)
    write(cottage.door, 1, **ring)

    lines = house.app().get(f"{V4}/getCallLog")["data"]["list"]

    assert [(line["callerName"], line["calleeName"]) for line in lines] == [
        ("Cottage: Back door", "Cottage"),
        ("Lindenweg 5: Front door", "Lindenweg 5"),
    ]


@in_transaction
def test_temp_keys_are_of_the_house_of_their_doors(
    house: House, cottage: Cottage
) -> None:
    app = house.app()
    assert app.post(ADD, **key_form(house))["code"] == 0
    there = key_form(house, **{"MAC[0][MAC]": cottage.door.mac, "MAC[0][Relay]": "0"})
    assert app.post(ADD, **there)["code"] == 0

    keys = TempKey.objects.order_by("pk")
    assert [key.site for key in keys] == [house.site, cottage.site]
    assert [line["ID"] for line in app.get(LIST)["data"]] == [
        str(key.pk) for key in reversed(keys)
    ]
    both = {"MAC[1][MAC]": cottage.door.mac, "MAC[1][Relay]": "0"}
    refused = app.post(ADD, **key_form(house, **both))
    assert (refused["code"], refused["msg"]) == (
        1,
        "The doors of a key are all of one house.",
    )
    assert TempKey.objects.count() == 2
    for key in keys:
        assert app.post(DELETE, ID=str(key.pk))["code"] == 0
    assert app.get(LIST)["data"] == []


@in_transaction
def test_messages_of_all_houses_are_counted_and_read(
    house: House, cottage: Cottage
) -> None:
    make_message(house.installer)
    run_jobs()
    app = house.app()
    path = f"{V3}/single/message"
    assert Receipt.objects.filter(resident__user=house.user).count() == 2
    assert app.get("/userconf")["datas"]["unread_msg"]["messages_num"] == 2
    listed = app.get(f"{path}/getMessageList")["data"]
    assert len(listed) == 2
    theirs = Receipt.objects.get(resident=cottage.resident)
    assert app.post(f"{path}/readMessage", ID=str(theirs.pk))["code"] == 0
    assert app.get("/userconf")["datas"]["unread_msg"]["messages_num"] == 1
    app.post(f"{path}/readMessage", ID="all")
    assert not Receipt.objects.filter(read_at=None).exists()


@in_transaction
def test_signing_in_registers_in_all_houses(house: House, cottage: Cottage) -> None:
    Resident.objects.update(registered_at=None)
    other = House(email="bob@example.org", phone="7400123457")

    house.app("").login(str(house.user.email))

    waiting = Resident.objects.filter(registered_at=None)
    assert [one.pk for one in waiting] == [other.resident.pk]


@in_transaction
def test_who_has_left_a_house_reaches_nothing_of_it(
    house: House, cottage: Cottage
) -> None:
    app = house.app()
    entry = write(cottage.door, 1)
    Resident.objects.filter(pk=cottage.resident.pk).update(role="member")
    cottage.resident.refresh_from_db()
    delete_family_member(actor=house.installer, resident=cottage.resident, now=utcnow())

    assert app.get("/userconf")["result"] == 0
    assert cottage.door.mac not in str(app.get("/userconf"))
    assert app.post("/opendoor", mac=cottage.door.mac, relay="0") == NOT_FOUND
    assert str(entry.pk) not in [one["ID"] for one in app.get(DOOR_LOG)["data"]]
    form = key_form(house, **{"MAC[0][MAC]": cottage.door.mac, "MAC[0][Relay]": "0"})
    assert app.post(ADD, **form)["code"] == 1
    assert not Command.objects.exists()
