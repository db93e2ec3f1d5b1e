"""Replies by mail, through a real IMAP server."""

from __future__ import annotations

import imaplib
from collections.abc import Iterator
from datetime import timedelta
from email.message import EmailMessage
from pathlib import Path

import pytest
from django.conf import LazySettings
from pydantic import SecretStr

from portico.accounts.models import User
from portico.jobs.models import Job
from portico.kernel.clock import utcnow
from portico.mail import inbox
from portico.support.models import Ticket, TicketMessage
from portico.support.rules import reply_address
from portico.support.services.inbound import Outcome, reply_text, take_mail
from portico.support.tasks import FETCH, order_fetch
from portico.tenancy.services.members import set_member_active
from tests.factories import (
    make_distributor,
    make_installer,
    make_member,
    make_ticket,
    organization_of,
    run_jobs,
)
from tests.support.mailbox import Mailbox, running_mailbox

pytestmark = [pytest.mark.integration, pytest.mark.django_db]

MAILBOX = "help@example.com"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mailbox]:
    with running_mailbox(tmp_path_factory.mktemp("imap")) as mailbox:
        inbox.fetch_mails(mailbox.url, lambda _raw: None)  # which makes the folder
        yield mailbox


@pytest.fixture
def mailbox(server: Mailbox, settings: LazySettings) -> Mailbox:
    configure(settings, server.url)
    return server


def configure(settings: LazySettings, url: str) -> None:
    values = {"support_address": MAILBOX, "support_imap_url": SecretStr(url)}
    settings.ENVIRONMENT = settings.ENVIRONMENT.model_copy(update=values)


@pytest.fixture
def dora(db: None) -> User:
    return make_distributor("dora")


@pytest.fixture
def ticket(dora: User) -> Ticket:
    return make_ticket(make_installer("ida", distributor=dora))


def reply(
    ticket: Ticket,
    user: User,
    text: str = "By mail",
    *,
    sender: str = "",
    to: str = "",
    mail_id: str = "<1@example.com>",
) -> EmailMessage:
    mail = EmailMessage()
    mail["From"] = f"Dora <{sender or user.email}>"
    mail["To"] = to or f"Help <{reply_address(MAILBOX, ticket.pk, user.pk)}>"
    mail["Subject"] = "Re: [Ticket 1] Door"
    if mail_id:
        mail["Message-ID"] = mail_id
    mail.set_content(text)
    return mail


def texts(ticket: Ticket) -> list[str]:
    rows = TicketMessage.objects.filter(ticket=ticket, mail_id__isnull=False)
    return list(rows.order_by("pk").values_list("text", flat=True))


def take(mail: EmailMessage) -> Outcome:
    return take_mail(raw=mail.as_bytes(), now=utcnow())


def test_a_reply_comes_into_the_ticket_once(
    mailbox: Mailbox, ticket: Ticket, dora: User
) -> None:
    quoted = "Reset it.\n\nOn Mon, 2 Nov 2026, Portico <a@b.c> wrote:\n> Help\n> me\n"
    mail = reply(ticket, dora, quoted)
    mail.add_attachment(
        b"\xff\xd8\xffx", maintype="image", subtype="jpeg", filename="p.jpg"
    )
    mail.add_attachment(b"MZ", maintype="application", subtype="x", filename="x.exe")
    mailbox.put(mail.as_bytes())
    mailbox.put(mail.as_bytes())
    mailbox.put(b"Subject: spam\n\nBuy\n")
    for _ in range(2):
        order_fetch()
        run_jobs()
    assert texts(ticket) == ["Reset it."]
    message = TicketMessage.objects.get(mail_id__isnull=False)
    assert message.author == dora
    assert [file.name for file in message.attachments.all()] == ["p.jpg"]
    ticket.refresh_from_db()
    assert ticket.state == "answered"
    left = inbox.fetch_mails(mailbox.url, lambda _raw: None)
    assert left == 0


def test_a_mail_that_breaks_us_is_flagged_and_the_rest_goes_on(
    mailbox: Mailbox,
) -> None:
    for number in range(3):
        mailbox.put(f"Subject: {number}\n\nx\n".encode())
    seen: list[bytes] = []

    def handle(raw: bytes) -> None:
        seen.append(raw)
        if b"Subject: 1" in raw:
            raise RuntimeError

    assert inbox.fetch_mails(mailbox.url, handle) == 3
    assert len(seen) == 3
    assert inbox.fetch_mails(mailbox.url, handle) == 0


def test_a_mail_that_is_too_large_is_not_fetched(
    mailbox: Mailbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(inbox, "MAX_MAIL_BYTES", 100)
    mailbox.put(b"Subject: big\n\n" + b"x" * 200)
    seen: list[bytes] = []
    assert inbox.fetch_mails(mailbox.url, seen.append) == 1
    assert seen == []


def test_a_server_that_is_away_makes_no_dead_letter(
    db: None, settings: LazySettings
) -> None:
    configure(settings, "imap+plain://u:p@127.0.0.1:9")
    order_fetch()
    order_fetch()
    assert Job.objects.filter(name=FETCH).count() == 1
    run_jobs()
    assert not Job.objects.filter(name=FETCH).exists()


def test_a_wrong_password_makes_no_dead_letter(
    mailbox: Mailbox, settings: LazySettings
) -> None:
    configure(settings, mailbox.url.replace("pass%40word", "wrong"))
    order_fetch()
    run_jobs()
    assert not Job.objects.filter(name=FETCH).exists()


def test_without_a_mailbox_nothing_is_ordered(db: None) -> None:
    order_fetch()
    assert not Job.objects.exists()


def test_who_writes_from_another_address_is_not_the_person(
    ticket: Ticket, dora: User
) -> None:
    mail = reply(ticket, dora, sender="stranger@example.net")
    assert take(mail) is Outcome.NOT_THE_PERSON
    assert texts(ticket) == []


def test_a_token_of_another_key_is_unknown(ticket: Ticket, dora: User) -> None:
    forged = f"help+{ticket.pk}-{dora.pk}-aaaaaaaaaaaaaaaa@example.com"
    assert take(reply(ticket, dora, to=forged)) is Outcome.UNKNOWN
    assert take(reply(ticket, dora, to=MAILBOX)) is Outcome.UNKNOWN


def test_who_has_left_the_company_writes_no_more(ticket: Ticket, dora: User) -> None:
    colleague = make_member(organization_of(dora), "carl")
    mail = reply(ticket, colleague)
    member = colleague.membership
    set_member_active(actor=dora, member=member, active=False, now=utcnow())
    assert take(mail) is Outcome.UNKNOWN
    User.objects.filter(pk=colleague.pk).update(is_active=True)
    member.delete()
    assert take(mail) is Outcome.UNKNOWN
    assert texts(ticket) == []


@pytest.mark.parametrize(
    ("name", "value"),
    [("Auto-Submitted", "auto-replied"), ("Precedence", "bulk")],
)
def test_absence_notes_are_left_out(
    ticket: Ticket, dora: User, name: str, value: str
) -> None:
    mail = reply(ticket, dora)
    mail[name] = value
    assert take(mail) is Outcome.AUTOMATIC


def test_the_same_mail_is_known_and_one_without_id_too(
    ticket: Ticket, dora: User
) -> None:
    for mail_id in ("<7@example.com>", ""):
        mail = reply(ticket, dora, mail_id=mail_id)
        assert take(mail) is Outcome.TAKEN
        assert take(mail) is Outcome.KNOWN
    assert len(texts(ticket)) == 2


def test_a_mail_that_only_quotes_says_nothing(ticket: Ticket, dora: User) -> None:
    assert take(reply(ticket, dora, " \n")) is Outcome.EMPTY


def test_only_the_file_is_a_message_too(ticket: Ticket, dora: User) -> None:
    mail = reply(ticket, dora, "")
    mail.add_attachment("log", filename="x.log")
    assert take(mail) is Outcome.TAKEN
    assert texts(ticket) == ["—"]


def test_a_mail_of_markup_alone_is_read(ticket: Ticket, dora: User) -> None:
    mail = reply(ticket, dora)
    mail.set_content(
        "<style>x</style><p>Line &amp; <b>one</b></p><p>two</p>"
        "<blockquote>Help</blockquote>",
        subtype="html",
    )
    assert reply_text(mail) == "Line & one\ntwo"


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"\xff\xfe\x00",
        b"From: \xe4\r\nTo: =?x?q?y?=\r\n\r\n\x00",
        b"Content-Type: multipart/mixed; boundary=\r\n\r\n--\r\n",
        b"To: " + b"a@b.c," * 5_000 + b"\r\n\r\nx",
    ],
)
def test_broken_mails_are_left_out(db: None, raw: bytes) -> None:
    assert take_mail(raw=raw, now=utcnow()) is Outcome.UNKNOWN


def test_an_unknown_encoding_is_read_as_well_as_can_be(
    ticket: Ticket, dora: User
) -> None:
    raw = reply(ticket, dora).as_bytes().replace(b'"utf-8"', b'"klingon"')
    assert take_mail(raw=raw, now=utcnow() + timedelta(seconds=1)) is Outcome.TAKEN
    assert texts(ticket) == ["By mail"]


def test_the_folder_is_that_of_the_address(mailbox: Mailbox) -> None:
    assert Path(mailbox.folder).name == "support"
    with pytest.raises(imaplib.IMAP4.error):
        inbox.fetch_mails(f"{mailbox.url}/Nowhere", lambda _raw: None)
