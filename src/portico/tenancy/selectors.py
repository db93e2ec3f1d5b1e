"""Who somebody is in the sales chain, and what lies below."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import datetime

from django.contrib.auth.hashers import UNUSABLE_PASSWORD_PREFIX
from django.db.models import Count, Exists, Model, OuterRef, Q, QuerySet

from portico.accounts.models import User
from portico.audit.models import AuditEntry
from portico.kernel.errors import NotPermitted, NotVisible
from portico.notices.enums import Audience
from portico.notices.selectors import Reader
from portico.tenancy.enums import KINDS_OF, PORTAL_ROLES, OrganizationKind, Role
from portico.tenancy.models import (
    CompanySettings,
    Membership,
    Organization,
    PlatformSettings,
    PortalVisit,
)

# Where a session of the pages keeps the number of its visit.
VISIT_KEY = "portal_visit"

_visit: ContextVar[PortalVisit | None] = ContextVar("visit", default=None)


@contextmanager
def visiting(visit: PortalVisit) -> Iterator[None]:
    """Let the visitor count as one of the installer's until the block ends."""
    token = _visit.set(visit)
    try:
        yield
    finally:
        _visit.reset(token)


def open_visit(user: User, visit_id: object, now: datetime) -> PortalVisit | None:
    """The visit of ``user`` if it still holds: time, offer, consent and place."""
    if not isinstance(visit_id, int):
        return None
    visits = PortalVisit.objects.select_related("organization").filter(
        pk=visit_id,
        user=user,
        ended_at=None,
        expires_at__gt=now,
        organization__access_offered=True,
        organization__access_granted_at__isnull=False,
    )
    visit = visits.first()
    home = _stored_membership(user) if visit else None
    if visit is None or home is None:
        return None
    is_below = visit.organization.path.startswith(home.organization.path)
    return visit if is_below else None


def membership_of(actor: User) -> Membership | None:
    """The place of ``actor`` in the chain, now; None for residents.

    While visiting an installer with consent it is a place there, as a visitor.
    """
    visit = _visit.get()
    if visit is not None and visit.user_id == actor.pk:
        organization = visit.organization
        return Membership(user=actor, organization=organization, role=Role.VISITOR)
    return _stored_membership(actor)


def _stored_membership(actor: User) -> Membership | None:
    members = Membership.objects.select_related("organization")
    return members.filter(user__pk=actor.pk, user__is_active=True).first()


def organization_of(actor: User, *kinds: OrganizationKind) -> Organization:
    """The organisation of ``actor``, if it is of one of ``kinds``.

    :raises NotVisible: ``actor`` has no place, or one of another kind.
    """
    membership = membership_of(actor)
    if (
        membership is None
        or membership.organization.kind not in kinds
        or membership.role not in PORTAL_ROLES
    ):
        raise NotVisible
    return membership.organization


def visible_organizations(actor: User) -> QuerySet[Organization]:
    """The organisation of ``actor`` and everything below it."""
    membership = membership_of(actor)
    if membership is None:
        return Organization.objects.none()
    return Organization.objects.filter(path__startswith=membership.organization.path)


def owner_of(actor: User, *kinds: OrganizationKind) -> Organization:
    """The organisation of ``actor``, who speaks for it.

    :raises NotVisible: he has none, or one of another kind.
    :raises NotPermitted: he works there, but does not decide.
    """
    organization = organization_of(actor, *kinds)
    membership = membership_of(actor)
    if membership is None or membership.role != Role.OWNER:
        raise NotPermitted
    return organization


def companies_below(actor: User) -> QuerySet[Organization]:
    """The companies that ``actor`` sells to, at any depth; none for installers."""
    membership = membership_of(actor)
    if membership is None or membership.role not in {Role.OWNER, Role.STAFF}:
        return Organization.objects.none()
    own = membership.organization
    below = Organization.objects.filter(path__startswith=own.path)
    return below.exclude(pk=own.pk).select_related("parent")


def get_company_below(actor: User, company_id: int) -> Organization:
    """One of :func:`companies_below`. :raises NotVisible: it is none of them."""
    company = companies_below(actor).filter(pk=company_id).first()
    if company is None:
        raise NotVisible
    return company


def search_companies(
    companies: QuerySet[Organization], text: str
) -> QuerySet[Organization]:
    """Narrow by the company's name or by name, user name or email of its people."""
    words = text.strip()
    if not words:
        return companies
    people = Q(memberships__user__username__icontains=words)
    people |= Q(memberships__user__name__icontains=words)
    people |= Q(memberships__user__email__icontains=words)
    return companies.filter(Q(name__icontains=words) | people).distinct()


def without_owner_yet(companies: QuerySet[Organization]) -> QuerySet[Organization]:
    """Those of ``companies`` whose owner has not yet followed his invitation."""
    invited = Membership.objects.filter(
        organization=OuterRef("pk"),
        role=Role.OWNER,
        user__password__startswith=UNUSABLE_PASSWORD_PREFIX,
        user__email_confirmed_at=None,
    )
    return companies.filter(Exists(invited))


def company_counts(companies: QuerySet[Organization]) -> dict[str, int]:
    """How many of ``companies`` are of which kind; one query."""
    rows = companies.order_by().values_list("kind")
    return dict(rows.annotate(count=Count("pk")))


def members_of(organization: Organization, *roles: Role) -> QuerySet[Membership]:
    """The people of a company that the caller may see, by name."""
    members = organization.memberships.select_related("user")
    if roles:
        members = members.filter(role__in=roles)
    return members.order_by("user__name", "pk")


def search_members(members: QuerySet[Membership], text: str) -> QuerySet[Membership]:
    """Narrow by name, user name or email."""
    words = text.strip()
    if not words:
        return members
    return members.filter(
        Q(user__name__icontains=words)
        | Q(user__username__icontains=words)
        | Q(user__email__icontains=words)
    )


def get_member(organization: Organization, member_id: int, *roles: Role) -> Membership:
    """One of a company's people. :raises NotVisible: he is none of them."""
    member = members_of(organization, *roles).filter(pk=member_id).first()
    if member is None:
        raise NotVisible
    return member


def company_settings(organization: Organization) -> CompanySettings:
    """What a company has set up; at the defaults until it first saves."""
    found = CompanySettings.objects.filter(organization=organization).first()
    return found or CompanySettings(organization=organization)


def logs_unanswered_calls(organization_id: int) -> bool:
    """Whether a call that opens no door stands in the logs of this company's houses."""
    rows = CompanySettings.objects.filter(organization=organization_id)
    return next(iter(rows.values_list("log_unanswered_calls", flat=True)), True)


_KEPT = ("door", "call", "alarm", "motion", "capture")


def log_retention() -> dict[int, dict[str, int]]:
    """For how many days each installer keeps what of its log, by the settings' names."""
    names = [f"keep_{kind}_days" for kind in _KEPT]
    default = CompanySettings()
    installers = Organization.objects.filter(kind=OrganizationKind.INSTALLER)
    kept = {pk: {n: getattr(default, n) for n in names} for pk in _ids(installers)}
    for row in CompanySettings.objects.values("organization_id", *names):
        kept[row.pop("organization_id")] = row
    return kept


def _ids(companies: QuerySet[Organization]) -> QuerySet[Organization, int]:
    return companies.order_by("pk").values_list("pk", flat=True)


def visits_of(organization: Organization) -> QuerySet[PortalVisit]:
    """Who of the distributor was in this company's portal, newest first."""
    return organization.visits.select_related("user").order_by("-started_at")


def distributor_of(organization: Organization) -> Organization | None:
    """The distributor that ``organization`` buys from; itself if it is one."""
    ids = [int(part) for part in organization.path.strip("/").split("/") if part]
    return Organization.objects.filter(
        pk__in=ids, kind=OrganizationKind.DISTRIBUTOR
    ).first()


def operator() -> Organization | None:
    """The platform operator; None before the first run has made it."""
    return Organization.objects.filter(kind=OrganizationKind.OPERATOR).first()


def platform_settings() -> PlatformSettings:
    """The operator's switches, at their defaults until first changed."""
    return PlatformSettings.objects.filter(pk=1).first() or PlatformSettings()


def visible_audit(actor: User) -> QuerySet[AuditEntry]:
    """The audit entries that ``actor`` may read.

    The operator's people read all, a distributor's those of their company and of the
    companies below, an installer's those of their own; nobody else any.
    """
    membership = membership_of(actor)
    if membership is None or membership.role not in {Role.OWNER, Role.STAFF}:
        return AuditEntry.objects.none()
    own = membership.organization
    if own.kind == OrganizationKind.OPERATOR:
        return AuditEntry.objects.all()
    if own.kind == OrganizationKind.INSTALLER:
        return AuditEntry.objects.filter(organization_id=own.pk)
    company = visible_organizations(actor).values("pk")
    return AuditEntry.objects.filter(organization_id__in=company)


def audit_of(actor: User, subject: Model) -> QuerySet[AuditEntry]:
    """What ``actor`` may read of what was done to one object that he has been shown."""
    kind, key = subject._meta.label_lower, str(subject.pk)  # noqa: SLF001 -- Django's documented API
    return visible_audit(actor).filter(object_type=kind, object_id=key)


def organization_names(ids: Collection[int]) -> dict[int, str]:
    """Names of companies that the caller may know of; deleted ones are left out."""
    rows = Organization.objects.filter(pk__in=ids)
    return dict(rows.values_list("pk", "name"))


def serves_residents(membership: Membership) -> bool:
    """Whether residents read in their privacy policy who he is, as their provider."""
    is_installer = membership.organization.kind == OrganizationKind.INSTALLER
    return is_installer and membership.role in PORTAL_ROLES


def reader_of(membership: Membership) -> Reader:
    """Whose notices somebody of a company reads; no query."""
    kind = OrganizationKind(membership.organization.kind)
    # What happens to the company and its houses is not a property manager's business.
    works_there = membership.role in PORTAL_ROLES
    audiences = [one for one in Audience if kind in KINDS_OF[one]]
    return Reader(
        user_id=membership.user_id,
        organization_id=membership.organization_id,
        audiences=audiences if works_there else [Audience.ALL],
        hears_of_company=works_there,
        answers_for_company=membership.role in {Role.OWNER, Role.STAFF},
        since=membership.user.created_at,
    )
