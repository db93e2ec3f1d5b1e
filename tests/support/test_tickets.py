"""Tickets between a company and the one it buys from."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path, PurePath

import pytest
from django.conf import LazySettings
from django.core import mail
from django.core.files.storage import default_storage

from portico.accounts.models import User
from portico.kernel.clock import utcnow
from portico.kernel.errors import NotPermitted, NotVisible
from portico.notices.models import Notice
from portico.support.errors import BadAttachment, NothingWritten
from portico.support.models import Attachment, Ticket
from portico.support.rules import FileData, read_address, reply_address
from portico.support.selectors import visible_tickets
from portico.support.services.files import sweep_files
from portico.support.services.tickets import answer_ticket, close_ticket
from portico.tenancy.enums import OrganizationKind, Role
from tests.factories import (
    make_distributor,
    make_installer,
    make_member,
    make_operator,
    make_organization,
    make_person,
    make_ticket,
    organization_of,
)
from tests.mails import last_mail, mails_to

pytestmark = [pytest.mark.integration, pytest.mark.django_db]


@pytest.fixture
def dora(db: None) -> User:
    return make_distributor("dora")


@pytest.fixture
def ida(dora: User) -> User:
    return make_installer("ida", distributor=dora)


@pytest.fixture
def ticket(ida: User) -> Ticket:
    return make_ticket(ida)


def answer(actor: User, ticket: Ticket, text: str = "Answer", *files: FileData) -> None:
    answer_ticket(actor=actor, ticket=ticket, text=text, files=files, now=utcnow())
    ticket.refresh_from_db()


def test_it_goes_to_the_company_above(ida: User, dora: User, ticket: Ticket) -> None:
    assert ticket.supplier == organization_of(dora)
    assert list(visible_tickets(dora)) == [ticket]
    assert list(visible_tickets(ida)) == [ticket]
    told = last_mail(dora.email)
    assert told.subject == f"[Ticket {ticket.pk}] Door"
    assert "Help" in str(told.body)
    assert "device.log" in str(told.body)
    assert f"/distributor/support/{ticket.pk}/" in str(told.body)
    assert not mails_to(ida.email)
    notice = Notice.objects.get()
    assert notice.organization_id == ticket.supplier_id


def test_sub_distributors_and_distributors_ask_the_one_above_them(dora: User) -> None:
    kind = OrganizationKind.SUB_DISTRIBUTOR
    sub = make_member(make_organization(kind, organization_of(dora)))
    low = make_installer(distributor=sub)
    assert make_ticket(low).supplier == organization_of(sub)
    assert make_ticket(sub).supplier == organization_of(dora)
    assert make_ticket(dora).supplier.kind == OrganizationKind.OPERATOR
    # The distributor does not read what its sub-distributor is asked.
    subjects = visible_tickets(dora).values_list("customer", flat=True)
    assert organization_of(low).pk not in set(subjects)


def test_the_states_of_a_ticket(ida: User, dora: User, ticket: Ticket) -> None:
    states = [ticket.state]
    for actor in (dora, ida):
        answer(actor, ticket)
        states.append(ticket.state)
    for _ in range(2):
        close_ticket(actor=ida, ticket=ticket, now=utcnow())
    answer(ida, ticket)
    states.append(ticket.state)
    answer(ida, ticket)
    states.append(ticket.state)
    close_ticket(actor=dora, ticket=ticket, now=utcnow())
    answer(dora, ticket)
    assert [*states, ticket.state] == [
        "open",
        "answered",
        "open",
        "reopened",
        "reopened",
        "answered",
    ]


def test_an_answer_mails_the_asker_and_not_the_writer(
    ida: User, dora: User, ticket: Ticket
) -> None:
    before = len(mails_to(dora.email))
    answer(dora, ticket, "Try this")
    assert "Try this" in str(last_mail(ida.email).body)
    assert len(mails_to(dora.email)) == before


def test_strangers_and_those_who_do_not_answer_for_a_company_cannot(
    ida: User, ticket: Ticket
) -> None:
    sub = make_person(ida, Role.SUB_INSTALLER).user
    for stranger in (sub, make_installer(), make_distributor(), make_operator()):
        assert not visible_tickets(stranger).exists()
        with pytest.raises(NotVisible):
            answer(stranger, ticket)
        with pytest.raises(NotVisible):
            close_ticket(actor=stranger, ticket=ticket, now=utcnow())
    with pytest.raises(NotPermitted):
        make_ticket(sub)
    assert ticket.messages.count() == 1


def test_the_operator_has_nobody_to_ask() -> None:
    with pytest.raises(NotVisible):
        make_ticket(make_operator())


def test_an_empty_message_is_refused(ida: User, ticket: Ticket) -> None:
    with pytest.raises(NothingWritten):
        answer(ida, ticket, " \n ")


PNG = b"\x89PNG\r\n\x1a\n"


@pytest.mark.parametrize(
    "file",
    [
        FileData("page.html", b"<script>"),
        FileData("x.svg", b"<svg>"),
        FileData("x.exe", b"MZ"),
        FileData("noending", b"x"),
        FileData("x.png", b"GIF89a"),
        FileData("x.pdf", b"<html>"),
        FileData("x.log", b"a\0b"),
        FileData("x.txt", b"x" * (10 * 1024 * 1024 + 1)),
    ],
)
def test_files_of_other_kinds_and_sizes_are_refused(
    ida: User, ticket: Ticket, file: FileData
) -> None:
    before = files_in_storage()
    with pytest.raises(BadAttachment):
        answer(ida, ticket, "x", FileData("ok.png", PNG), file)
    assert ticket.messages.count() == 1
    assert files_in_storage() == before


def files_in_storage() -> set[str]:
    return set(default_storage.listdir("support")[1])


def test_more_than_five_files_are_refused(ida: User, ticket: Ticket) -> None:
    with pytest.raises(BadAttachment):
        answer(ida, ticket, "x", *[FileData("a.txt", b"x")] * 6)
    answer(ida, ticket, "x", *[FileData("a.txt", b"x")] * 5)


def test_a_file_is_kept_under_a_random_name(ida: User, ticket: Ticket) -> None:
    names = ["../../etc/x.txt", "..\\x.txt", "a\r\nb.txt", f"{'n' * 300}.txt"]
    answer(ida, ticket, "x", *(FileData(name, b"x") for name in names))
    kept = list(Attachment.objects.order_by("-pk")[:4])[::-1]
    assert [file.name for file in kept] == [
        "x.txt",
        "x.txt",
        "ab.txt",
        f"{'n' * 116}.txt",
    ]
    root = Path(default_storage.path("support")).resolve()
    for file in kept:
        assert Path(default_storage.path(file.file)).resolve().parent == root
        assert file.name not in file.file


def test_a_file_whose_message_fails_is_not_left_behind(
    ida: User, ticket: Ticket, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = files_in_storage()
    monkeypatch.setattr(
        "portico.support.services.tickets._tell",
        lambda *_: 1 / 0,
    )
    with pytest.raises(ZeroDivisionError):
        answer(ida, ticket, "x", FileData("a.txt", b"x"))
    assert files_in_storage() == before
    assert ticket.messages.count() == 1


def test_files_of_a_company_that_is_gone_go_too(ida: User, ticket: Ticket) -> None:
    answer(ida, ticket, "x", FileData("a.txt", b"x"), FileData("b.txt", b"x"))
    gone, kept = Attachment.objects.order_by("-pk")[:2]
    gone.delete()
    sweep_files(now=utcnow())
    assert PurePath(gone.file).name in files_in_storage()

    sweep_files(now=utcnow() + timedelta(days=2))

    assert PurePath(gone.file).name not in files_in_storage()
    assert PurePath(kept.file).name in files_in_storage()


def test_the_reply_address_names_ticket_and_reader(
    ida: User, dora: User, settings: LazySettings
) -> None:
    environment = settings.ENVIRONMENT.model_copy(
        update={"support_address": "help@example.com"}
    )
    settings.ENVIRONMENT = environment
    ticket = make_ticket(ida)
    told = last_mail(dora.email)
    assert told.reply_to == [reply_address("help@example.com", ticket.pk, dora.pk)]
    assert "Reply to this mail" in str(told.body)
    assert read_address(told.reply_to[0].upper()) == (ticket.pk, dora.pk)


def test_without_a_mailbox_the_mail_says_so(dora: User, ticket: Ticket) -> None:
    told = last_mail(dora.email)
    assert told.reply_to == []
    assert "this address is not read" in str(told.body)
    assert mail.outbox


@pytest.mark.parametrize(
    ("old", "new"), [("+1-", "+2-"), ("-7-", "-8-"), ("@", "@x"), ("+", "")]
)
def test_a_changed_reply_address_is_not_ours(old: str, new: str) -> None:
    address = reply_address("help@example.com", 1, 7)
    assert read_address(address) == (1, 7)
    changed = address.replace(old, new)
    assert read_address(changed) == ((1, 7) if new == "@x" else None)
