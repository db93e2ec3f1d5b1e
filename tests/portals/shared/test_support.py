"""The pages of support."""

from __future__ import annotations

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from portico.accounts.models import User
from portico.notices.selectors import unread_count
from portico.support.models import Attachment, Manual, Ticket
from portico.tenancy.enums import Role
from portico.tenancy.selectors import reader_of
from tests.factories import (
    PDF,
    make_distributor,
    make_installer,
    make_manual,
    make_operator,
    make_person,
    make_ticket,
)
from tests.portals.conftest import client_of
from tests.portals.support import assert_constant_queries, text_of

pytestmark = [pytest.mark.integration, pytest.mark.django_db]

URL = "/installer/support/"


@pytest.fixture
def dora(db: None) -> User:
    return make_distributor("dora")


@pytest.fixture
def ida(dora: User) -> User:
    return make_installer("ida", distributor=dora)


def body(client: Client, url: str) -> bytes:
    return b"".join(client.get(url))


def test_a_ticket_goes_there_and_back(ida: User, dora: User) -> None:
    there, back = client_of(ida), client_of(dora)
    assert "No tickets yet" in text_of(there.get(URL))
    files = [
        SimpleUploadedFile("<b>.txt", b"log"),
        SimpleUploadedFile("two.pdf", PDF),
    ]
    data = {"subject": "<i>Door", "text": "It <b>stays</b> shut", "attachments": files}
    answer = there.post(f"{URL}new/", data)
    ticket = Ticket.objects.get()
    assert answer["Location"] == f"{URL}{ticket.pk}/"

    asked = f"/distributor/support/{ticket.pk}/"
    page = text_of(back.get(asked))
    assert "It &lt;b&gt;stays&lt;/b&gt; shut" in page
    assert "&lt;b&gt;.txt" in page
    back.post(asked, {"text": "Push it"})
    page = text_of(there.get(answer["Location"]))
    assert "Push it" in page
    assert "Answered" in page
    there.post(f"{URL}{ticket.pk}/close/")
    assert "Write, and open it again" in text_of(back.get(asked))
    there.post(f"{URL}{ticket.pk}/", {"text": "Not yet"})
    assert "Reopened" in text_of(back.get("/distributor/support/"))


def test_a_bell_leads_to_the_ticket(ida: User, dora: User) -> None:
    ticket = make_ticket(ida)
    client = client_of(dora)
    page = client.get("/distributor/notifications/")
    (line,) = page.context["listing"].items
    opened = client.post(
        f"/distributor/notifications/{line.notice.pk}/read/", {"more": "yes"}
    )
    assert opened["Location"] == f"/distributor/support/{ticket.pk}/"


def test_who_reads_the_ticket_has_read_the_notice(ida: User, dora: User) -> None:
    ticket, there = make_ticket(ida), client_of(dora)
    assert unread_count(reader_of(dora.membership)) == 1

    there.get(f"/distributor/support/{ticket.pk}/")

    assert unread_count(reader_of(dora.membership)) == 0
    # Another's is his own.
    colleague = make_person(dora, Role.STAFF)
    client_of(ida).post(f"{URL}{ticket.pk}/", {"text": "And now?"})
    assert unread_count(reader_of(dora.membership)) == 1
    assert unread_count(reader_of(colleague)) == 1


def test_a_file_is_only_ever_saved(ida: User, dora: User) -> None:
    file = make_ticket(ida).messages.get().attachments.get()
    url = f"{URL}files/{file.pk}/"
    answer = client_of(ida).get(url)
    assert b"".join(answer) == b"boot"
    assert answer["Content-Disposition"] == 'attachment; filename="device.log"'
    assert answer["Content-Type"] == "application/octet-stream"
    assert answer["X-Content-Type-Options"] == "nosniff"
    assert body(client_of(dora), f"/distributor/support/files/{file.pk}/") == b"boot"
    assert client_of(make_installer()).get(url).status_code == 404


def test_what_was_typed_stays_when_a_file_is_refused(ida: User) -> None:
    data = {
        "subject": "Door",
        "text": "Words",
        "attachments": [SimpleUploadedFile("x.exe", b"MZ")],
    }
    page = text_of(client_of(ida).post(f"{URL}new/", data))
    assert "x.exe is of a kind that is not taken." in page
    assert "Words" in page
    assert not Attachment.objects.exists()


def test_six_files_are_refused(ida: User) -> None:
    files = [SimpleUploadedFile(f"{n}.txt", b"x") for n in range(6)]
    data = {"subject": "Door", "text": "Words", "attachments": files}
    page = text_of(client_of(ida).post(f"{URL}new/", data))
    assert "At most 5 files go with a message." in page


def test_search_filter_and_direction(ida: User, dora: User) -> None:
    make_ticket(ida, "Doorbell")
    make_ticket(dora, "Invoice")
    client = client_of(dora)

    def shown(query: str) -> list[str]:
        page = client.get(f"/distributor/support/{query}")
        return [ticket.subject for ticket in page.context["listing"].items]

    assert shown("?sort=subject") == ["Doorbell", "Invoice"]
    assert shown("?side=supplier") == ["Doorbell"]
    assert shown("?side=customer") == ["Invoice"]
    assert shown("?q=bell") == ["Doorbell"]
    assert shown("?state=closed") == []


def test_the_list_and_a_ticket_cost_the_same_with_more_rows(ida: User) -> None:
    ticket = make_ticket(ida)
    client = client_of(ida)

    def more_tickets() -> None:
        make_ticket(ida)
        make_ticket(ida)

    def more_messages() -> None:
        for _ in range(2):
            file = SimpleUploadedFile("a.txt", b"x")
            client.post(f"{URL}{ticket.pk}/", {"text": "x", "attachments": [file]})
        client.get(f"{URL}{ticket.pk}/")  # which shows the message "sent"

    assert_constant_queries(client, URL, more_tickets)
    assert_constant_queries(client, f"{URL}{ticket.pk}/", more_messages)


def test_manuals_are_put_there_by_the_operator_for_everybody(ida: User) -> None:
    operator = client_of(make_operator())
    data = {
        "title": "R29 guide",
        "model": "R29",
        "language": "de",
        "file": SimpleUploadedFile("x.pdf", PDF),
    }
    answer = operator.post("/operator/support/manuals/new/", data)
    assert answer["Location"] == "/operator/support/manuals/"
    manual = Manual.objects.get()
    sub = client_of(make_person(ida, Role.SUB_INSTALLER).user)
    page = text_of(sub.get(f"{URL}manuals/?language=de&q=guide"))
    assert "R29 guide" in page
    assert "German" in page
    file = sub.get(f"{URL}manuals/{manual.pk}/")
    assert b"".join(file) == PDF
    assert file["Content-Disposition"] == 'attachment; filename="R29 guide.pdf"'
    operator.post(f"/operator/support/manuals/{manual.pk}/remove/")
    assert "R29 guide" not in text_of(sub.get(f"{URL}manuals/"))


def test_a_manual_must_be_a_pdf(db: None) -> None:
    data = {
        "title": "T",
        "language": "en",
        "file": SimpleUploadedFile("x.pdf", b"<html>"),
    }
    client = client_of(make_operator())
    page = text_of(client.post("/operator/support/manuals/new/", data))
    assert "x.pdf is not what its name says." in page
    assert not Manual.objects.exists()


def test_a_manual_lists_and_exports(ida: User) -> None:
    make_manual(make_operator(), "=A1")
    export = body(client_of(ida), f"{URL}manuals/?export=csv").decode("utf-8-sig")
    assert export.splitlines()[1] == "'=A1,R29,English,15"
