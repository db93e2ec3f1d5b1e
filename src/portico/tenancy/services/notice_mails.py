"""Important notices by mail, to those who answer for a company and want them."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from django.db import transaction
from django.db.models import QuerySet

from portico.accounts.links import page_url
from portico.kernel.queue import enqueue
from portico.mail.letters import Action, Letter
from portico.mail.services import send_letter
from portico.notices.models import Notice
from portico.notices.services.telling import MAIL
from portico.notices.words import words_of
from portico.tenancy import letters
from portico.tenancy.enums import KINDS_OF, PORTAL_OF, OrganizationKind, Role
from portico.tenancy.models import Membership, Organization

# As many companies as one job writes mails for: it is over within a lease.
_SHARE = 200


@transaction.atomic
def mail_notice(*, notice_id: int, after: int, now: datetime) -> None:
    """Order the mails of one notice; of an announcement a share of them, and the rest.

    ``after`` is the last company that has been served.
    """
    notice = Notice.objects.filter(pk=notice_id, withdrawn_at=None).first()
    if notice is None:
        return
    companies = list(_companies(notice).filter(pk__gt=after).order_by("pk")[:_SHARE])
    for member in _recipients(notice, companies):
        send_letter(
            recipient=str(member.user.email),
            language=member.user.language,
            write=lambda member=member: _letter(notice, member),  # type: ignore[misc]  # bound
            now=now,
        )
    if len(companies) == _SHARE:
        enqueue(MAIL, notice_id=notice_id, after=companies[-1].pk)


def _companies(notice: Notice) -> QuerySet[Organization]:
    if notice.organization_id is not None:
        return Organization.objects.filter(pk=notice.organization_id)
    return Organization.objects.filter(kind__in=KINDS_OF[notice.audience])


def _recipients(notice: Notice, companies: list[Organization]) -> Iterator[Membership]:
    members = Membership.objects.filter(
        organization__in=companies,
        role__in=(Role.OWNER, Role.STAFF),
        user__is_active=True,
        user__notification_push=True,
        user__email_confirmed_at__isnull=False,
    )
    if notice.user_id is not None:
        members = members.filter(user=notice.user_id)
    yield from members.select_related("user", "organization").order_by("pk")


def _letter(notice: Notice, member: Membership) -> Letter:
    title, text = words_of(notice.kind, notice.params)
    portal = PORTAL_OF[OrganizationKind(member.organization.kind)]
    page = Action(letters.open_notices(), page_url(f"{portal}:notifications"))
    return letters.notice(title=title, text=text, action=page)
