"""Every read of sites starts here: scope first, shape second."""

from __future__ import annotations

import uuid
from collections.abc import Collection
from dataclasses import dataclass

from django.core.exceptions import ValidationError
from django.db.models import Count, Q, QuerySet

from portico.accounts.models import User
from portico.kernel.errors import NotVisible
from portico.sites.models import Resident, Site, SiteAssignment
from portico.tenancy.enums import PORTAL_ROLES, OrganizationKind, Role
from portico.tenancy.selectors import companies_below, membership_of


def visible_sites(actor: User) -> QuerySet[Site]:
    """The sites that ``actor`` may manage: those of his own installer organisation.

    A sub-installer's are those assigned to him. Distributors and the operator enter an
    installer's portal with his consent only; property managers have no houses.
    """
    membership = membership_of(actor)
    if membership is None or membership.organization.kind != OrganizationKind.INSTALLER:
        return Site.objects.none()
    if membership.role not in PORTAL_ROLES:
        return Site.objects.none()
    sites = Site.objects.filter(organization=membership.organization)
    if membership.role == Role.SUB_INSTALLER:
        sites = sites.filter(assignments__user=actor.pk)
    return sites


def sites_below(actor: User) -> QuerySet[Site]:
    """The sites of all companies below that of ``actor``, to look at (ORG-4)."""
    return Site.objects.filter(organization__in=companies_below(actor))


def assigned_site_ids(user: User) -> set[uuid.UUID]:
    """The sites that a sub-installer works on."""
    rows = SiteAssignment.objects.filter(user=user.pk)
    return set(rows.values_list("site_id", flat=True))


def get_visible_site(actor: User, site_id: uuid.UUID | str) -> Site:
    """Return the site with ``site_id``.

    :raises NotVisible: it is unknown, or not for this actor.
    """
    try:
        return (
            visible_sites(actor)
            .select_related("organization", "family_sip")
            .get(pk=site_id)
        )
    except (Site.DoesNotExist, ValidationError):
        raise NotVisible from None


def search_sites(sites: QuerySet[Site], text: str) -> QuerySet[Site]:
    """Narrow ``sites`` by name, email, phone, SIP numbers, MAC or address."""
    words = text.strip()
    if not words:
        return sites
    mac = "".join(c for c in words if c.isalnum()).upper()
    found = (
        Q(name__icontains=words)
        | Q(room_name__icontains=words)
        | Q(address__icontains=words)
        | Q(residents__user__email__icontains=words)
        | Q(residents__user__phone__contains=words.replace(" ", ""))
        | Q(family_sip__number=words)
        | Q(residents__sip__number=words)
        | Q(devices__sip__number=words)
        | Q(devices__mac__startswith=mac)
    )
    return sites.filter(found).distinct()


def resident_of(actor: User) -> Resident | None:
    """The resident that ``actor`` is, with his site; None for staff."""
    return (
        Resident.objects.select_related("site", "site__family_sip", "user", "sip")
        .prefetch_related("site__entitlements")
        .filter(user=actor)
        .first()
    )


def people_of(site: Site) -> QuerySet[Resident]:
    """Master first, then members by age of the account."""
    return site.residents.select_related("user", "sip").order_by("role", "pk")


def site_names(sites: QuerySet[Site]) -> list[tuple[uuid.UUID, str]]:
    """Ids and names of ``sites``, for choosing from."""
    rows = sites.order_by("room_name", "pk").values_list("pk", "room_name", "name")
    return [(pk, f"{room} · {name}") for pk, room, name in rows]


def site_counts(organization_ids: Collection[int]) -> dict[int, int]:
    """How many sites each of these companies looks after itself."""
    rows = Site.objects.filter(organization__in=organization_ids)
    counted = rows.values_list("organization").annotate(count=Count("pk"))
    return dict(counted.order_by())


def people_counts(site_ids: Collection[uuid.UUID]) -> dict[uuid.UUID, int]:
    """How many people have an account in each of ``site_ids``."""
    rows = Resident.objects.filter(site__in=site_ids).values_list("site")
    return dict(rows.annotate(count=Count("pk")).order_by())


@dataclass(frozen=True, slots=True)
class AccountCounts:
    """App accounts by registration."""

    registered: int
    unregistered: int

    @property
    def total(self) -> int:
        return self.registered + self.unregistered


def account_counts(sites: QuerySet[Site]) -> AccountCounts:
    """Count the app accounts of ``sites`` in one query."""
    found = Resident.objects.filter(site__in=sites).aggregate(
        registered=Count("pk", filter=Q(registered_at__isnull=False)),
        unregistered=Count("pk", filter=Q(registered_at=None)),
    )
    return AccountCounts(found["registered"], found["unregistered"])
