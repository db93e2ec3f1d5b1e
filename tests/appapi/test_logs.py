from __future__ import annotations

from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.test import Client
from pytest_django import DjangoAssertNumQueries

from portico.accounts.enums import DateFormat
from portico.accounts.models import User
from portico.devices.enums import CommandState, DenialReason
from portico.events.enums import LogKind, Method, Outcome
from portico.events.models import Capture, LogEntry
from portico.events.rules import sign_capture
from portico.events.services.visits import settle_visits
from portico.kernel.clock import utcnow
from tests.appapi.support import V3, V4, FakeBridge, House
from tests.factories import JPEG, make_event, run_jobs

pytestmark = [pytest.mark.integration]
in_transaction = pytest.mark.django_db
with_commits = pytest.mark.django_db(transaction=True)

# An hour later in London.
NOON = datetime(2026, 7, 4, 12, 0, 1, tzinfo=UTC)
DOOR_LOG = f"{V3}/community/log/getDoorLog"
V3_KEYS = {
    "ID",
    "CaptureTime",
    "Initiator",
    "CaptureType",
    "Location",
    "MAC",
    "Relay",
    "RelayName",
    "PicUrl",
}


def write(
    house: House,
    *,
    kind: LogKind = LogKind.DOOR,
    outcome: Outcome = Outcome.GRANTED,
    method: Method = Method.PIN,
    at: datetime = NOON,
    **fields: Any,
) -> LogEntry:
    """An entry of the house's log."""
    return LogEntry.objects.create(
        site=house.site,
        organization=house.site.organization,
        device=house.door,
        kind=kind,
        outcome=outcome,
        method=method,
        device_mac=house.door.mac,
        device_name=house.door.name,
        occurred_at=at,
        received_at=at,
        **fields,
    )


@in_transaction
def test_the_door_log_has_the_fields_that_clients_read(house: House) -> None:
    write(house, initiator="Bob", relay_number=2, relay_name="Gate")

    reply = house.app().get(DOOR_LOG, row="1")

    assert (reply["code"], type(reply["code"])) == (0, int)
    assert isinstance(reply["msg"], str)
    [line] = reply["data"]
    assert set(line) == V3_KEYS
    assert all(isinstance(value, str) for value in line.values())
    assert line | {"ID": ""} == {
        "ID": "",
        "CaptureTime": "04-07-2026 13:00:01",
        "Initiator": "Bob",
        "CaptureType": "PIN Unlock",
        "Location": "Front door",
        "MAC": house.door.mac,
        "Relay": "1",
        "RelayName": "Gate",
        "PicUrl": "",
    }


@in_transaction
def test_both_kinds_answer_alike(house: House) -> None:
    write(house)
    app = house.app()

    for name in ("getDoorLog", "getCallLog"):
        single = app.get(f"{V3}/single/log/{name}")
        assert single == app.get(f"{V3}/community/log/{name}")
        single = app.get(f"{V4.replace('community', 'single')}/{name}")
        assert single == app.get(f"{V4}/{name}")


@in_transaction
@pytest.mark.parametrize(
    ("date_format", "zone", "expected"),
    [
        (DateFormat.DMY, "Europe/London", "04-07-2026 13:00:01"),
        (DateFormat.YMD, "Pacific/Auckland", "2026-07-05 00:00:01"),
        (DateFormat.MDY, "America/New_York", "07-04-2026 08:00:01"),
    ],
)
def test_times_are_in_the_accounts_order_and_zone(
    house: House, date_format: DateFormat, zone: str, expected: str
) -> None:
    house.user.date_format, house.user.time_zone = date_format, zone
    house.user.save()
    write(house)
    app = house.app()

    assert app.get(DOOR_LOG)["data"][0]["CaptureTime"] == expected
    [line] = app.get(f"{V4}/getDoorLog")["data"]["list"]
    assert line["captureTime"] == expected


@in_transaction
@pytest.mark.parametrize(
    ("method", "word"),
    [
        (Method.APP, "Unlock on SmartPlus"),
        (Method.FACE, "Face Unlock"),
        (Method.GUEST, "Temp Key Unlock"),
    ],
)
def test_openings_are_named_in_the_words_that_clients_know(
    house: House, method: Method, word: str
) -> None:
    write(house, method=method)

    assert house.app().get(DOOR_LOG)["data"][0]["CaptureType"] == word


@in_transaction
def test_every_method_has_a_word(house: House) -> None:
    for method in Method:
        write(house, method=method)

    words = [line["CaptureType"] for line in house.app().get(DOOR_LOG)["data"]]
    assert len(words) == len(Method)
    assert all(words)


@in_transaction
def test_a_ring_is_a_call_of_a_visitor(house: House) -> None:
    write(house, kind=LogKind.CALL, outcome=Outcome.NOTED, method=Method.NONE)
    app = house.app()

    for name in ("getDoorLog", "getCallLog"):
        [line] = app.get(f"{V3}/single/log/{name}")["data"]
        assert (line["CaptureType"], line["Initiator"]) == ("Call", "Visitor")


@in_transaction
@pytest.mark.parametrize(
    ("kind", "outcome"),
    [
        (LogKind.DOOR, Outcome.REFUSED),
        (LogKind.DOOR, Outcome.FAILED),
        (LogKind.DOOR, Outcome.NO_ANSWER),
        (LogKind.MOTION, Outcome.NOTED),
        (LogKind.ALARM, Outcome.NOTED),
    ],
)
def test_what_opened_nothing_is_not_listed(
    house: House, kind: LogKind, outcome: Outcome
) -> None:
    """Every new line of it is an opening to the clients' automations."""
    write(house, kind=kind, outcome=outcome)
    app = house.app()

    assert app.get(DOOR_LOG)["data"] == []
    assert app.get(f"{V4}/getDoorLog")["data"] == {"list": []}


@in_transaction
def test_a_wrong_pin_at_the_door_is_not_listed_and_a_right_one_is(house: House) -> None:
    make_event(house.door, "code_refused", code="1***", at=NOON)
    app = house.app()
    assert app.get(DOOR_LOG)["data"] == []

    make_event(house.door, "code_granted", code="1***", user="Bob", at=NOON)
    [line] = app.get(DOOR_LOG)["data"]
    assert (line["Initiator"], line["CaptureType"]) == ("Bob", "PIN Unlock")


@with_commits
def test_a_door_opened_by_the_app_is_listed(
    house: House, fake_bridge: FakeBridge
) -> None:
    app = house.app()
    app.post("/opendoor", mac=house.door.mac, relay="1")
    run_jobs()

    [line] = app.get(DOOR_LOG, row="1")["data"]

    assert len(fake_bridge.taken) == 1
    assert line["CaptureType"] == "Unlock on SmartPlus"
    assert (line["Initiator"], line["Relay"]) == ("Ada", "1")


@with_commits
def test_a_door_that_stayed_closed_is_not_listed(
    house: House, fake_bridge: FakeBridge
) -> None:
    fake_bridge.answers(CommandState.FAILED, DenialReason.REJECTED)
    app = house.app()
    app.post("/opendoor", mac=house.door.mac, relay="1")
    run_jobs()

    assert LogEntry.objects.get().outcome == Outcome.FAILED
    assert app.get(DOOR_LOG)["data"] == []


@in_transaction
def test_the_log_is_newest_first_and_the_houses_own(house: House) -> None:
    other = House(email="bob@example.org", phone="7400123457")
    write(other, initiator="Foreign")
    write(house, initiator="Old", at=NOON - timedelta(hours=1))
    write(house, initiator="New")

    for app, names in ((house.app(), ["New", "Old"]), (other.app(), ["Foreign"])):
        listed = [line["Initiator"] for line in app.get(DOOR_LOG)["data"]]
        assert listed == names


@in_transaction
@pytest.mark.parametrize(
    ("query", "count"),
    [
        ({}, 20),
        ({"row": "1"}, 1),
        ({"row": "20", "page": "2"}, 3),
        ({"row": "20", "page": "3"}, 0),
        ({"row": "100"}, 23),
        ({"row": "100000"}, 23),
        ({"row": "9" * 5000}, 23),
        ({"row": "0"}, 1),
        ({"row": "-1"}, 20),
        ({"row": "x"}, 20),
        ({"page": "-1"}, 20),
        ({"page": "0"}, 20),
        ({"page": "9" * 5000}, 0),
        ({"row": "20", "page": "1", "_t": "1790000000000"}, 20),
    ],
)
def test_pages_of_the_log(house: House, query: dict[str, str], count: int) -> None:
    for minute in range(23):
        write(house, at=NOON + timedelta(minutes=minute))
    app = house.app()

    assert len(app.get(DOOR_LOG, **query)["data"]) == count
    assert len(app.get(f"{V4}/getDoorLog", **query)["data"]["list"]) == count


@in_transaction
def test_the_newer_door_log_has_its_own_names(house: House) -> None:
    write(house, relay_number=1, relay_name="Front", initiator="Bob")

    [line] = house.app().get(f"{V4}/getDoorLog", row="20", page="1")["data"]["list"]

    assert (
        line.items()
        >= {
            "captureTime": "04-07-2026 13:00:01",
            "deviceName": "Front door",
            "initiator": "Bob",
            "captureType": "PIN Unlock",
            "relayName": "Front",
            "deviceMac": house.door.mac,
            "picUrl": "",
        }.items()
    )


@in_transaction
def test_the_newer_call_log_counts_seconds(house: House) -> None:
    write(house, kind=LogKind.CALL, outcome=Outcome.NOTED, method=Method.NONE)

    [line] = house.app().get(f"{V4}/getCallLog", row="20", page="1")["data"]["list"]

    assert line["startTime"] == int(NOON.timestamp())
    assert type(line["startTime"]) is int
    assert (line["callerName"], line["calleeName"]) == ("Front door", "Lindenweg 5")
    assert [line[k] for k in ("isCallee", "isAnswer", "isRead")] == [1, 0, 1]


@in_transaction
@pytest.mark.parametrize("rows", [1, 3])
@pytest.mark.parametrize("path", [DOOR_LOG, f"{V4}/getDoorLog", f"{V4}/getCallLog"])
def test_a_log_takes_the_same_queries_for_any_number_of_rows(
    house: House,
    path: str,
    rows: int,
    django_assert_num_queries: DjangoAssertNumQueries,
) -> None:
    for _ in range(rows):
        write(house)
        write(house, kind=LogKind.CALL, outcome=Outcome.NOTED, method=Method.NONE)
    app = house.app()

    with django_assert_num_queries(3):
        app.get(path)


# Pictures


def seen(house: House, entry: LogEntry) -> Capture:
    """What the camera saw at ``entry``, and the visit that it stands in."""
    settle_visits(device_id=house.door.pk, at=entry.occurred_at)
    return Capture.objects.create(
        entry=entry,
        site=house.site,
        organization=house.site.organization,
        ordered_at=entry.occurred_at,
        taken_at=entry.occurred_at,
        file=default_storage.save("captures/20260704/x.jpg", ContentFile(JPEG)),
        size=len(JPEG),
    )


def address(house: House) -> str:
    return str(house.app().get(DOOR_LOG)["data"][0]["PicUrl"])


@in_transaction
@pytest.mark.parametrize(
    ("path", "name", "method"),
    [
        (DOOR_LOG, "PicUrl", Method.FACE),
        (f"{V3}/single/log/getCallLog", "PicUrl", Method.NONE),
        (f"{V4}/getDoorLog", "picUrl", Method.FACE),
        (f"{V4}/getCallLog", "picUrl", Method.NONE),
    ],
)
def test_what_was_seen_has_an_address_that_shows_it(
    house: House, path: str, name: str, method: Method
) -> None:
    kind = LogKind.DOOR if method else LogKind.CALL
    seen(house, write(house, method=method, kind=kind))
    data = house.app().get(path)["data"]
    [line] = data["list"] if isinstance(data, dict) else data
    url = line[name]

    assert url.startswith("http://testserver/web-server/v3/app/pictures/")
    # As the client asks: with its token, which is not needed, nor is the cookie jar.
    for client in (Client(), Client(headers={"X-AUTH-TOKEN": "expired"})):
        answer = client.get(url)
        assert (answer.status_code, answer["Content-Type"]) == (200, "image/jpeg")
        assert answer.content == JPEG
        assert answer["Cache-Control"] == "private, no-store"


@in_transaction
def test_a_line_shows_the_picture_of_its_visit(house: House) -> None:
    moved = write(house, kind=LogKind.MOTION, outcome=Outcome.NOTED)
    write(house, at=NOON + timedelta(seconds=5))
    write(house, at=NOON + timedelta(hours=1))
    settle_visits(device_id=house.door.pk, at=NOON + timedelta(hours=1))
    seen(house, moved)

    late, early = house.app().get(DOOR_LOG)["data"]
    assert (late["PicUrl"], bool(early["PicUrl"])) == ("", True)


@in_transaction
def test_the_address_is_good_for_an_hour_and_for_who_lives_there(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    capture = seen(house, write(house))
    url, stranger = address(house), House(email="bob@example.org", phone="7400123457")
    foreign = sign_capture(capture.pk, stranger.user.pk)
    base = url.rpartition("/")[0]
    for signed in (foreign, f"{capture.pk}", f"{capture.pk}.1:x:y", "\u00e4"):
        assert Client().get(f"{base}/{signed}").status_code == 404

    later = SimpleNamespace(time=lambda: utcnow().timestamp() + 3600)
    with monkeypatch.context() as patch:
        patch.setattr("django.core.signing.time", later)
        assert Client().get(url).status_code == 404
    User.objects.filter(pk=house.user.pk).update(is_active=False)
    assert Client().get(url).status_code == 404
    User.objects.filter(pk=house.user.pk).update(is_active=True)
    assert Client().get(url).status_code == 200
    house.resident.delete()
    assert Client().get(url).status_code == 404


@in_transaction
def test_a_file_that_is_gone_is_a_picture_that_is_not_there(house: House) -> None:
    capture = seen(house, write(house))
    url = address(house)
    default_storage.delete(capture.file)

    assert Client().get(url).status_code == 404
