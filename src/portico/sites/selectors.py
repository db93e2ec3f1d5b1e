"""Every read of sites starts here: scope first, shape second."""

from __future__ import annotations

import uuid
from collections.abc import Collection
from dataclasses import dataclass

from django.core.exceptions import ValidationError
from django.db.models import Count, Q, QuerySet

from portico.accounts.models import User
from portico.kernel.errors import NotVisible
from portico.sites.models import Resident, Site
from portico.tenancy.enums import OrganizationKind
from portico.tenancy.selectors import membership_of


def visible_sites(actor: User) -> QuerySet[Site]:
    """The sites that ``actor`` may manage: those of his own installer organisation.

    Distributors and the operator enter an installer's portal with his consent only.
    """
    membership = membership_of(actor)
    if membership is None or membership.organization.kind != OrganizationKind.INSTALLER:
        return Site.objects.none()
    return Site.objects.filter(organization=membership.organization)


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
    return site.residents.select_related("user", "sip").order_by("-role", "pk")


# How a list of sites may be ordered; the id makes pages stable.
SITE_ORDERS = {
    "name": ("name", "pk"),
    "-name": ("-name", "-pk"),
    "-created": ("-created_at", "-pk"),
    "created": ("created_at", "pk"),
}


def ordered_sites(sites: QuerySet[Site], order: str) -> QuerySet[Site]:
    """``sites`` in one of SITE_ORDERS, with what a list shows of each."""
    keys = SITE_ORDERS.get(order, SITE_ORDERS["name"])
    return sites.order_by(*keys).prefetch_related("entitlements")


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
