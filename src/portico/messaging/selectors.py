"""Messages: those of a company, and what a resident has been told."""

from __future__ import annotations

import uuid
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from django.db.models import Count, Q, QuerySet

from portico.accounts.models import User
from portico.kernel.errors import NotVisible
from portico.messaging.enums import ReceiptState
from portico.messaging.models import Message, MessageTemplate, Receipt
from portico.sites.models import Resident, Site
from portico.sites.selectors import visible_sites
from portico.tenancy.enums import PORTAL_ROLES, OrganizationKind, Role
from portico.tenancy.models import Membership
from portico.tenancy.selectors import membership_of

# Of a 64-bit id.
_MOST_ID_DIGITS = 18


def installer_of(actor: User) -> Membership | None:
    """The place of ``actor`` at an installer; property managers have none here."""
    membership = membership_of(actor)
    if membership is None or membership.role not in PORTAL_ROLES:
        return None
    is_installer = membership.organization.kind == OrganizationKind.INSTALLER
    return membership if is_installer else None


def visible_messages(actor: User) -> QuerySet[Message]:
    """The messages of the actor's company; of a sub-installer those that he wrote."""
    membership = installer_of(actor)
    if membership is None:
        return Message.objects.none()
    rows = Message.objects.filter(organization=membership.organization_id)
    is_sub = membership.role == Role.SUB_INSTALLER
    return rows.filter(author=actor.pk) if is_sub else rows


def get_visible_message(actor: User, message_id: uuid.UUID) -> Message:
    """One of :func:`visible_messages`. :raises NotVisible: it is none of them."""
    rows = visible_messages(actor).select_related("resident__user")
    found = rows.filter(pk=message_id).first()
    if found is None:
        raise NotVisible
    return found


def search_messages(
    messages: QuerySet[Message], *, text: str, state: str = "", receivers: str = ""
) -> QuerySet[Message]:
    """Narrow by words of title, text or author, by state and by receivers."""
    words = text.strip()
    if words:
        messages = messages.filter(
            Q(title__icontains=words)
            | Q(text__icontains=words)
            | Q(author_name__icontains=words)
        )
    if state:
        messages = messages.filter(state=state)
    if receivers:
        messages = messages.filter(receivers=receivers)
    return messages.select_related("resident__user")


@dataclass(frozen=True, slots=True)
class ReceiptCounts:
    """How many receivers a message has, and how far it has come with them."""

    total: int = 0
    sent: int = 0
    delivered: int = 0
    read: int = 0


def receipt_counts(
    message_ids: Collection[uuid.UUID],
) -> dict[uuid.UUID, ReceiptCounts]:
    """Of each of ``message_ids`` that has receivers yet; one query."""
    rows = Receipt.objects.filter(message__in=message_ids).values_list("message")
    counted = rows.annotate(
        total=Count("pk"),
        sent=Count("sent_at"),
        delivered=Count("delivered_at"),
        read=Count("read_at"),
    )
    return {pk: ReceiptCounts(*counts) for pk, *counts in counted.order_by()}


def site_counts(message_ids: Collection[uuid.UUID]) -> dict[uuid.UUID, int]:
    """How many sites were chosen for each of ``message_ids``."""
    rows = Message.sites.through.objects.filter(message__in=message_ids)
    counted = rows.values_list("message").annotate(count=Count("pk"))
    return dict(counted.order_by())


_STATES = {
    ReceiptState.WAITING: Q(sent_at=None, given_up_at=None),
    ReceiptState.SENT: Q(sent_at__isnull=False, delivered_at=None, given_up_at=None),
    ReceiptState.DELIVERED: Q(delivered_at__isnull=False, read_at=None),
    ReceiptState.READ: Q(read_at__isnull=False),
    ReceiptState.GIVEN_UP: Q(given_up_at__isnull=False, delivered_at=None),
}


def receipts_of(
    message: Message, *, text: str = "", state: str = ""
) -> QuerySet[Receipt]:
    """The receivers of a message that the caller has been shown."""
    rows = message.receipts.all()
    words = text.strip()
    if words:
        rows = rows.filter(
            Q(name__icontains=words)
            | Q(house__icontains=words)
            | Q(device_name__icontains=words)
        )
    return rows.filter(_STATES[ReceiptState(state)]) if state else rows


def visible_residents(actor: User) -> QuerySet[Resident]:
    """Who lives in the sites of ``actor``."""
    people = Resident.objects.filter(site__in=visible_sites(actor))
    return people.select_related("user", "site")


def search_residents(people: QuerySet[Resident], text: str) -> QuerySet[Resident]:
    """Narrow by name, email or mobile number."""
    words = text.strip()
    if words:
        people = people.filter(
            Q(user__name__icontains=words)
            | Q(user__email__icontains=words)
            | Q(user__phone__contains=words.replace(" ", ""))
        )
    return people.order_by("user__name", "pk")


def chosen_sites(message: Message) -> list[uuid.UUID]:
    """The sites that were chosen for a message."""
    return list(message.sites.values_list("pk", flat=True))


def visible_templates(actor: User) -> QuerySet[MessageTemplate]:
    """The templates of the actor's company."""
    membership = installer_of(actor)
    if membership is None:
        return MessageTemplate.objects.none()
    rows = MessageTemplate.objects.filter(organization=membership.organization_id)
    return rows.order_by("title", "pk")


def get_visible_template(actor: User, template_id: int) -> MessageTemplate:
    """One of :func:`visible_templates`. :raises NotVisible: it is none of them."""
    found = visible_templates(actor).filter(pk=template_id).first()
    if found is None:
        raise NotVisible
    return found


def search_templates(
    templates: QuerySet[MessageTemplate], text: str
) -> QuerySet[MessageTemplate]:
    """Narrow by words of title or text."""
    words = text.strip()
    if not words:
        return templates
    return templates.filter(Q(title__icontains=words) | Q(text__icontains=words))


# What residents read.


def inbox_of(homes: Collection[Resident]) -> QuerySet[Receipt]:
    """What somebody has been told in his houses, newest first."""
    rows = Receipt.objects.filter(resident__in=homes).select_related("message")
    return rows.order_by("-created_at", "-pk")


def unread_count(homes: Collection[Resident]) -> int:
    """How much of it he has not read."""
    return Receipt.objects.filter(resident__in=homes, read_at=None).count()


def get_receipt(homes: Collection[Resident], receipt_id: str) -> Receipt:
    """One line of somebody's inbox. :raises NotVisible: it is none of his."""
    text = receipt_id
    is_id = text.isascii() and text.isdigit() and len(text) <= _MOST_ID_DIGITS
    found = inbox_of(homes).filter(pk=text).first() if is_id else None
    if found is None:
        raise NotVisible
    return found


# What gateways send.


def receipts_with_monitors(receipt_ids: Sequence[int], claim: str) -> list[Receipt]:
    """What ``claim`` holds of ``receipt_ids``, with everything that is sent."""
    rows = Receipt.objects.filter(pk__in=receipt_ids, claim=claim, due_at__isnull=False)
    return list(rows.select_related("message", "device__sip").order_by("pk"))


def sites_reached(message: Message) -> QuerySet[Site]:
    """The sites whose people and monitors a message is for, as things are now."""
    rows = Site.objects.filter(organization=message.organization_id)
    if not message.is_of_company:
        author = message.author
        mine = visible_sites(author) if author is not None else Site.objects.none()
        rows = rows.filter(pk__in=mine.values("pk"))
    return rows
