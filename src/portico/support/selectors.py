"""Tickets and manuals, scope first."""

from __future__ import annotations

from django.db.models import Count, Q, QuerySet

from portico.accounts.models import User
from portico.kernel.errors import NotVisible
from portico.support.enums import Side, TicketState
from portico.support.models import Attachment, Manual, Ticket, TicketMessage
from portico.tenancy.enums import Role
from portico.tenancy.models import Membership
from portico.tenancy.selectors import membership_of

# Who answers for a company.
_ANSWERS = (Role.OWNER, Role.STAFF)


def visible_tickets(actor: User) -> QuerySet[Ticket]:
    """What the company of ``actor`` asks or is asked; the last touched first."""
    membership = membership_of(actor)
    if membership is None or membership.role not in _ANSWERS:
        return Ticket.objects.none()
    company = membership.organization
    mine = Ticket.objects.filter(Q(customer=company) | Q(supplier=company))
    related = mine.select_related("customer", "supplier")
    return related.order_by("-changed_at", "-pk")


def get_visible_ticket(actor: User, ticket_id: int) -> Ticket:
    """One ticket. :raises NotVisible: unknown, or not for this actor."""
    ticket = visible_tickets(actor).filter(pk=ticket_id).first()
    if ticket is None:
        raise NotVisible
    return ticket


def side_of(ticket: Ticket, organization_id: int) -> Side:
    """On which side of a visible ticket a company stands."""
    is_customer = ticket.customer_id == organization_id
    return Side.CUSTOMER if is_customer else Side.SUPPLIER


def filter_tickets(
    tickets: QuerySet[Ticket],
    *,
    text: str = "",
    state: str = "",
    side: str = "",
    organization_id: int = 0,
) -> QuerySet[Ticket]:
    """Narrow by subject or company, state, and the side that a company is on."""
    if state:
        tickets = tickets.filter(state=state)
    if side == Side.CUSTOMER:
        tickets = tickets.filter(customer=organization_id)
    elif side == Side.SUPPLIER:
        tickets = tickets.filter(supplier=organization_id)
    if text:
        found = Q(subject__icontains=text) | Q(customer__name__icontains=text)
        tickets = tickets.filter(found | Q(supplier__name__icontains=text))
    return tickets


def unanswered_tickets(actor: User) -> QuerySet[Ticket]:
    """The tickets that wait for an answer of the company of ``actor``."""
    membership = membership_of(actor)
    company = membership.organization_id if membership else None
    turn = (TicketState.OPEN, TicketState.REOPENED)
    return visible_tickets(actor).filter(supplier=company, state__in=turn)


def messages_of(ticket: Ticket) -> QuerySet[TicketMessage]:
    """The messages of a visible ticket with their files, the first one first."""
    return ticket.messages.prefetch_related("attachments").order_by("pk")


def get_visible_attachment(actor: User, attachment_id: int) -> Attachment:
    """One file of a ticket. :raises NotVisible: unknown, or not for this actor."""
    mine = Attachment.objects.filter(message__ticket__in=visible_tickets(actor))
    found = mine.filter(pk=attachment_id).first()
    if found is None:
        raise NotVisible
    return found


def correspondents(ticket: Ticket, side: Side) -> QuerySet[Membership]:
    """Those of one side who get the mails: who answers there and reads mails."""
    company = ticket.customer_id if side == Side.CUSTOMER else ticket.supplier_id
    members = Membership.objects.filter(
        organization=company,
        role__in=_ANSWERS,
        user__is_active=True,
        user__email_confirmed_at__isnull=False,
    )
    return members.select_related("user").order_by("pk")


def mail_is_known(mail_id: str) -> bool:
    """Whether a reply by mail has been taken already."""
    return TicketMessage.objects.filter(mail_id=mail_id).exists()


def manuals(*, text: str = "", model: str = "", language: str = "") -> QuerySet[Manual]:
    """The documents that everybody may download, by title."""
    found = Manual.objects.order_by("title", "pk")
    if text:
        found = found.filter(Q(title__icontains=text) | Q(model__icontains=text))
    if model:
        found = found.filter(model=model)
    return found.filter(language=language) if language else found


def manual_languages() -> dict[str, int]:
    """The languages that there are manuals in, with how many."""
    rows = Manual.objects.values_list("language").annotate(count=Count("pk"))
    return dict(rows.order_by("language"))


def get_manual(manual_id: int) -> Manual:
    """One manual. :raises NotVisible: there is none."""
    manual = Manual.objects.filter(pk=manual_id).first()
    if manual is None:
        raise NotVisible
    return manual
