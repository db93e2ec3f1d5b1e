"""A ticket from its first message to its last (SET-9)."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from django.conf import settings
from django.db import transaction
from django.db.models import Case, Value, When
from django.utils.translation import gettext as _

from portico.accounts.links import page_url
from portico.accounts.models import User
from portico.audit.services import record
from portico.kernel.errors import NotPermitted, NotVisible
from portico.mail.services import send_letter
from portico.notices.enums import NoticeKind
from portico.notices.services.telling import notify
from portico.support.enums import Side, TicketState
from portico.support.errors import NothingWritten
from portico.support.letters import ticket_message
from portico.support.models import Attachment, Ticket, TicketMessage
from portico.support.rules import FileData, check_files, notice_key, reply_address
from portico.support.selectors import (
    correspondents,
    get_visible_ticket,
    side_of,
    visible_tickets,
)
from portico.support.services.files import TICKETS, stored
from portico.tenancy.enums import PORTAL_OF, OrganizationKind, Role
from portico.tenancy.models import Organization
from portico.tenancy.selectors import membership_of

# Several pages; a log belongs into a file.
MAX_TEXT = 20_000


def open_ticket(
    *,
    actor: User,
    subject: str,
    text: str,
    files: Sequence[FileData],
    now: datetime,
) -> Ticket:
    """Ask the company that one's own buys from; its people are told by mail.

    :raises NotPermitted: ``actor`` does not answer for a company.
    :raises NotVisible: his company buys from nobody.
    :raises BadAttachment, NothingWritten: see there.
    """
    membership = membership_of(actor)
    if membership is None or membership.role not in {Role.OWNER, Role.STAFF}:
        raise NotPermitted
    company = membership.organization
    if company.parent is None:
        raise NotVisible
    _check(text, files)
    with stored(files, TICKETS) as names, transaction.atomic():
        ticket = Ticket.objects.create(
            customer=company,
            supplier=company.parent,
            subject=subject,
            created_at=now,
            changed_at=now,
        )
        message = _write(ticket, actor, Side.CUSTOMER, text, now=now)
        _attach(message, files, names)
        _tell(message, files, now)
        _note(actor, ticket, "ticket.opened", now)
    return ticket


def answer_ticket(
    *,
    actor: User,
    ticket: Ticket,
    text: str,
    files: Sequence[FileData],
    now: datetime,
    mail_id: str | None = None,
) -> TicketMessage:
    """Write to the other side; a closed ticket is open again.

    :raises NotVisible: not a ticket of the company of ``actor``.
    :raises BadAttachment, NothingWritten: see there.
    :raises django.db.IntegrityError: ``mail_id`` has been taken already.
    """
    membership = membership_of(actor)
    if membership is None or not visible_tickets(actor).filter(pk=ticket.pk).exists():
        raise NotVisible
    _check(text, files)
    side = side_of(ticket, membership.organization_id)
    with stored(files, TICKETS) as names, transaction.atomic():
        message = _write(ticket, actor, side, text, now=now, mail_id=mail_id)
        _attach(message, files, names)
        _move(ticket, side, now)
        _tell(message, files, now)
        _note(actor, ticket, "ticket.answered", now)
    return message


@transaction.atomic
def close_ticket(*, actor: User, ticket: Ticket, now: datetime) -> None:
    """Nothing more is to be done; either side may, and any message opens it again.

    :raises NotVisible: not a ticket of the company of ``actor``.
    """
    found = get_visible_ticket(actor, ticket.pk)
    rows = Ticket.objects.filter(pk=found.pk).exclude(state=TicketState.CLOSED)
    if rows.update(state=TicketState.CLOSED, changed_at=now):
        _note(actor, found, "ticket.closed", now)


def _check(text: str, files: Sequence[FileData]) -> None:
    if not text.strip():
        raise NothingWritten(_("Write something."))
    check_files(files)


def _write(
    ticket: Ticket,
    author: User,
    side: Side,
    text: str,
    *,
    now: datetime,
    mail_id: str | None = None,
) -> TicketMessage:
    return TicketMessage.objects.create(
        ticket=ticket,
        author=author,
        author_name=author.name or str(author),
        side=side,
        text=text.strip()[:MAX_TEXT],
        created_at=now,
        mail_id=mail_id,
    )


def _attach(
    message: TicketMessage, files: Sequence[FileData], names: Sequence[str]
) -> None:
    Attachment.objects.bulk_create(
        Attachment(
            message=message, name=file.plain_name, file=name, size=len(file.content)
        )
        for file, name in zip(files, names, strict=True)
    )


def _move(ticket: Ticket, side: Side, now: datetime) -> None:
    """The state after a message of ``side``, whatever it was before."""
    again = [TicketState.CLOSED, TicketState.REOPENED]
    asked = Case(
        When(state__in=again, then=Value(TicketState.REOPENED)),
        default=Value(TicketState.OPEN),
    )
    state = asked if side == Side.CUSTOMER else Value(TicketState.ANSWERED)
    Ticket.objects.filter(pk=ticket.pk).update(state=state, changed_at=now)


def _tell(message: TicketMessage, files: Sequence[FileData], now: datetime) -> None:
    """A notice and mails to the other side."""
    ticket = message.ticket
    is_asked = message.side == Side.CUSTOMER
    writer, reader = ticket.customer, ticket.supplier
    if not is_asked:
        writer, reader = reader, writer
    notify(
        organization_id=reader.pk,
        kind=NoticeKind.TICKET,
        params={
            "company": writer.name,
            "subject": ticket.subject,
            "ticket": ticket.pk,
        },
        now=now,
        key=notice_key(message.pk),
    )
    other = Side.SUPPLIER if is_asked else Side.CUSTOMER
    for member in correspondents(ticket, other):
        _mail(message, member.user, writer, company=reader, files=files, now=now)


def _mail(
    message: TicketMessage,
    reader: User,
    writer: Organization,
    *,
    company: Organization,
    files: Sequence[FileData],
    now: datetime,
) -> None:
    ticket = message.ticket
    portal = PORTAL_OF[OrganizationKind(company.kind)]
    mailbox: str = settings.ENVIRONMENT.support_address
    send_letter(
        recipient=str(reader.email),
        language=reader.language,
        write=lambda: ticket_message(
            subject=ticket.subject,
            number=ticket.pk,
            who=message.author_name,
            company=writer.name,
            text=message.text,
            files=[file.plain_name for file in files],
            url=page_url(f"{portal}:ticket", ticket.pk),
            can_reply=bool(mailbox),
        ),
        reply_to=reply_address(mailbox, ticket.pk, reader.pk) if mailbox else "",
        now=now,
    )


def _note(actor: User, ticket: Ticket, action: str, now: datetime) -> None:
    membership = membership_of(actor)
    company = membership.organization_id if membership else ticket.customer_id
    record(actor=actor, action=action, subject=ticket, organization_id=company, now=now)
