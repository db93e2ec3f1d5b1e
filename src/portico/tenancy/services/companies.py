"""Companies below one's own: made, changed, allowed things, deleted (ORG-1, ORG-4)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from django.db import IntegrityError, transaction
from django.db.models import ProtectedError
from django.utils.translation import gettext as _

from portico.accounts.models import User
from portico.accounts.services.second_factors import require_email_code
from portico.audit.services import record
from portico.kernel.errors import NotPermitted, NotVisible
from portico.kernel.rows import save_shown
from portico.tenancy.enums import OrganizationKind, Role
from portico.tenancy.errors import NotEmpty
from portico.tenancy.models import Organization
from portico.tenancy.selectors import get_company_below, members_of, membership_of
from portico.tenancy.services.members import PersonData, create_member
from portico.tenancy.services.organizations import create_organization


@dataclass(frozen=True, slots=True)
class CompanyData:
    """A new company, and the person who speaks for it."""

    name: str
    time_zone: str
    owner: PersonData


@transaction.atomic
def create_company(
    *, actor: User, kind: OrganizationKind, data: CompanyData, now: datetime
) -> Organization:
    """Make a company directly below that of ``actor``, and invite its owner by mail.

    :raises NotPermitted: ``actor`` does not decide for his own company.
    :raises WrongParent: the chain does not allow ``kind`` there.
    :raises UserNameTaken, EmailTaken: the owner cannot have that account.
    """
    parent = _deciding(actor)
    company = create_organization(
        actor=actor,
        kind=kind,
        name=data.name,
        parent=parent,
        time_zone=data.time_zone,
        now=now,
    )
    create_member(
        actor=actor, organization=company, data=data.owner, role=Role.OWNER, now=now
    )
    return company


def _deciding(actor: User) -> Organization:
    """The company of ``actor``, who is of its own people."""
    membership = membership_of(actor)
    if membership is None:
        raise NotVisible
    if membership.role not in {Role.OWNER, Role.STAFF}:
        raise NotPermitted
    return membership.organization


@transaction.atomic
def change_company(
    *,
    actor: User,
    company: Organization,
    name: str,
    time_zone: str,
    version: int,
    now: datetime,
) -> None:
    """Save name and time zone; ``version`` is the one that was shown.

    :raises NotVisible: not below ``actor``.
    :raises ChangedMeanwhile: somebody else has saved since.
    """
    get_company_below(actor, company.pk)
    before = {"name": company.name, "time_zone": company.time_zone}
    after = {"name": name, "time_zone": time_zone}
    save_shown(company, version, after)
    if before != after:
        _record(actor, company, "changed", before, after, now=now)


@transaction.atomic
def allow_payment(
    *, actor: User, company: Organization, allowed: bool, now: datetime
) -> None:
    """Grant or take the permission to pay for services. :raises NotVisible: see there."""
    _switch(actor, company, "may_pay", now, on=allowed)


@transaction.atomic
def require_code(
    *, actor: User, company: Organization, required: bool, now: datetime
) -> None:
    """Order a code by email at sign-in for everybody of ``company``, or take it back.

    :raises NotVisible: not below ``actor``.
    """
    _switch(actor, company, "requires_email_code", now, on=required)
    for member in members_of(company):
        require_email_code(actor=actor, user=member.user, required=required, now=now)


@transaction.atomic
def offer_access(
    *, actor: User, company: Organization, offered: bool, now: datetime
) -> None:
    """Switch the account access feature for an installer (SET-8).

    Without the offer there is no consent: an earlier one does not come back with it.

    :raises NotVisible: not below ``actor``.
    """
    _switch(actor, company, "access_offered", now, on=offered)
    if not offered:
        rows = Organization.objects.filter(pk=company.pk)
        rows.update(access_granted_at=None)
        company.visits.filter(ended_at=None).update(ended_at=now)


def _switch(
    actor: User, company: Organization, field: str, now: datetime, *, on: bool
) -> None:
    get_company_below(actor, company.pk)
    rows = Organization.objects.filter(pk=company.pk).exclude(**{field: on})
    if rows.update(**{field: on}):
        _record(actor, company, f"{field}_set", {field: not on}, {field: on}, now=now)


def delete_company(*, actor: User, company: Organization, now: datetime) -> None:
    """Delete a company that has nothing below it, with its people's accounts.

    :raises NotVisible: not below ``actor``.
    :raises NotEmpty: it still has companies, sites or a MAC library.
    """
    try:
        with transaction.atomic():
            _delete(actor, company, now)
    except (ProtectedError, IntegrityError):  # the latter: added just now
        raise NotEmpty(
            _(
                "%(name)s still has companies, sites or devices below it. Move or"
                " delete those first; nothing was deleted."
            )
            % {"name": company.name}
        ) from None


def _delete(actor: User, company: Organization, now: datetime) -> None:
    get_company_below(actor, company.pk)
    people = [member.user for member in members_of(company)]
    before = {"name": company.name, "people": [str(user) for user in people]}
    _record(actor, company, "deleted", before, {}, now=now)
    Organization.objects.filter(pk=company.pk).delete()
    User.objects.filter(pk__in=[user.pk for user in people]).delete()


def _record(
    actor: User,
    company: Organization,
    verb: str,
    before: Mapping[str, object],
    after: Mapping[str, object],
    *,
    now: datetime,
) -> None:
    record(
        actor=actor,
        action=f"organization.{verb}",
        subject=company,
        organization_id=company.pk,
        before=before,
        after=after,
        now=now,
    )
