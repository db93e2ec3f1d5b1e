"""The inbox of the app: the resident's own, newest first, counted until it is read."""

from __future__ import annotations

import pytest
from pytest_django import DjangoAssertNumQueries

from portico.kernel.clock import utcnow
from portico.messaging.models import Receipt
from portico.messaging.services.writing import delete_message
from tests.appapi.support import V3, App, House
from tests.factories import make_family_member, make_message, make_site, run_jobs

pytestmark = [pytest.mark.integration, pytest.mark.django_db]

LIST = f"{V3}/community/message/getMessageList"
READ = f"{V3}/single/message/readMessage"


@pytest.fixture
def house() -> House:
    return House()


def unread(app: App) -> int:
    number: int = app.get("/userconf")["datas"]["unread_msg"]["messages_num"]
    return number


def titles(app: App, **query: str) -> list[str]:
    return [line["Title"] for line in app.get(LIST, **query)["data"]]


def test_a_message_lies_in_the_inbox_until_it_is_read(house: House) -> None:
    app = house.app()
    make_message(
        house.installer, "{house}", text="\u05e9\u05dc\u05d5\u05dd {name} 🚪\nline"
    )
    run_jobs()
    assert unread(app) == 1
    assert Receipt.objects.get().delivered_at is None

    [line] = app.get(LIST)["data"]
    receipt = Receipt.objects.get()
    assert line == {
        "ID": str(receipt.pk),
        "Title": "Lindenweg 5",
        "Content": "\u05e9\u05dc\u05d5\u05dd Ada 🚪\nline",
        "CreateTime": receipt.created_at.astimezone(house.user.zone).strftime(
            "%d-%m-%Y %H:%M:%S"
        ),
        "IsRead": "0",
    }
    assert receipt.delivered_at is not None
    assert (receipt.read_at, unread(app)) == (None, 1)

    assert app.post(READ, ID=line["ID"]) == {"code": 0, "msg": "success", "data": []}
    assert unread(app) == 0
    assert app.get(LIST)["data"][0]["IsRead"] == "1"


def test_newest_first_in_pages_and_only_what_was_listed_is_delivered(
    house: House,
) -> None:
    app = house.app()
    for title in ("one", "two", "three"):
        make_message(house.installer, title)
        run_jobs()

    assert titles(app, row="2") == ["three", "two"]
    delivered = Receipt.objects.exclude(delivered_at=None)
    assert {one.message.title for one in delivered} == {"three", "two"}
    assert titles(app, row="2", page="2") == ["one"]
    app.post(READ, ID="all")
    assert unread(app) == 0


def test_a_resident_sees_and_reads_his_own_alone(house: House) -> None:
    member = make_family_member(house.site, house.installer)
    make_site(house.installer)
    make_message(house.installer)
    run_jobs()
    app = house.app()
    assert len(titles(app)) == 1

    foreign = Receipt.objects.get(resident=member)
    for wanted in (str(foreign.pk), "0", "", "x", "9" * 18, "-1", "²"):
        reply = app.post(READ, ID=wanted)
        assert (reply["code"], reply["data"]) == (1, []), wanted
    foreign.refresh_from_db()
    assert (foreign.delivered_at, foreign.read_at) == (None, None)
    assert unread(app) == 1


def test_what_the_installer_deletes_vanishes(house: House) -> None:
    app = house.app()
    message = make_message(house.installer)
    run_jobs()
    assert titles(app) == ["News"]
    delete_message(actor=house.installer, message=message, now=utcnow())
    assert (titles(app), unread(app)) == ([], 0)


def test_the_inbox_costs_the_same_for_one_and_three(
    house: House, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    app = house.app()
    make_message(house.installer)
    run_jobs()
    titles(app)
    with django_assert_num_queries(3):
        assert len(titles(app)) == 1
    for _ in range(2):
        make_message(house.installer)
    run_jobs()
    titles(app)
    with django_assert_num_queries(3):
        assert len(titles(app)) == 3
