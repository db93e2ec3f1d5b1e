"""The distributor in an installer's portal: by consent, for a while, on record (SET-8)."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.db import transaction
from django.utils.translation import gettext as _

from portico.accounts.models import User
from portico.audit.services import record
from portico.kernel.errors import NotVisible
from portico.mail.services import send_letter
from portico.notices.enums import NoticeKind
from portico.notices.services.telling import notify
from portico.tenancy import letters
from portico.tenancy.enums import OrganizationKind, Role
from portico.tenancy.errors import NoConsent
from portico.tenancy.models import Organization, PortalVisit
from portico.tenancy.selectors import (
    get_company_below,
    members_of,
    organization_of,
    owner_of,
)

# Long enough for a support call, short enough for a forgotten browser.
VISIT = timedelta(hours=1)


@transaction.atomic
def grant_access(*, actor: User, granted: bool, now: datetime) -> None:
    """The installer lets his distributor in, or no longer; visits end at once.

    :raises NotPermitted: ``actor`` is not the installer's owner.
    :raises NotVisible: nobody has offered it.
    """
    company = owner_of(actor, OrganizationKind.INSTALLER)
    rows = Organization.objects.filter(
        pk=company.pk, access_offered=True, access_granted_at__isnull=granted
    )
    if not rows.update(access_granted_at=now if granted else None):
        if granted and not company.access_offered:
            raise NotVisible
        return
    if not granted:
        company.visits.filter(ended_at=None).update(ended_at=now)
    record(
        actor=actor,
        action="access.granted" if granted else "access.withdrawn",
        subject=company,
        organization_id=company.pk,
        now=now,
    )


@transaction.atomic
def enter_portal(*, actor: User, company: Organization, now: datetime) -> PortalVisit:
    """Begin a visit in ``company``; its owners are told by mail.

    :raises NotVisible: it is not below ``actor``, or no installer.
    :raises NoConsent: the installer has not granted it.
    """
    # The consent is given to those who sell; not to the operator.
    home = organization_of(
        actor, OrganizationKind.DISTRIBUTOR, OrganizationKind.SUB_DISTRIBUTOR
    )
    found = get_company_below(actor, company.pk)
    if found.kind != OrganizationKind.INSTALLER:
        raise NotVisible
    # Held, so that a consent withdrawn meanwhile is seen.
    held = Organization.objects.select_for_update().get(pk=found.pk)
    if not held.access_offered or held.access_granted_at is None:
        raise NoConsent(
            _("%(name)s has not allowed you to enter the portal.") % {"name": held.name}
        )
    visit = PortalVisit.objects.create(
        user=actor, organization=held, started_at=now, expires_at=now + VISIT
    )
    record(
        actor=actor,
        action="access.entered",
        subject=held,
        organization_id=held.pk,
        after={"company": home.name, "until": visit.expires_at.isoformat()},
        now=now,
    )
    _tell_owners(held, actor, home, now)
    notify(
        organization_id=held.pk,
        kind=NoticeKind.PORTAL_ENTERED,
        params={
            "company": home.name,
            "who": actor.name or str(actor),
            "minutes": int(VISIT.total_seconds() // 60),
        },
        now=now,
        key=f"visit:{visit.pk}",
    )
    return visit


def _tell_owners(
    company: Organization, visitor: User, home: Organization, now: datetime
) -> None:
    minutes = int(VISIT.total_seconds() // 60)
    who = visitor.name or str(visitor)
    for member in members_of(company, Role.OWNER):
        if member.user.email and member.user.is_active:
            send_letter(
                recipient=member.user.email,
                language=member.user.language,
                write=lambda: letters.portal_entered(
                    who=who, company=home.name, minutes=minutes
                ),
                now=now,
            )


@transaction.atomic
def leave_portal(*, visit: PortalVisit, now: datetime) -> None:
    """End a visit; later calls change nothing."""
    if PortalVisit.objects.filter(pk=visit.pk, ended_at=None).update(ended_at=now):
        record(
            actor=visit.user,
            action="access.left",
            subject=visit.organization,
            organization_id=visit.organization_id,
            now=now,
        )
