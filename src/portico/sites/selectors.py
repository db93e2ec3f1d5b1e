"""Every read of sites starts here: scope first, shape second."""

from __future__ import annotations

import uuid
from collections.abc import Collection, Mapping
from datetime import datetime, timedelta
from typing import TypeVar

from django.core.exceptions import ValidationError
from django.db.models import Count, Exists, F, Model, OuterRef, Q, QuerySet

from portico.accounts.models import User
from portico.kernel.errors import NotVisible
from portico.kernel.mac import mac_part
from portico.sites.enums import (
    AccountState,
    Feature,
    ManagerRight,
    ResidentRole,
    ServiceTerm,
    SiteKind,
)
from portico.sites.models import (
    Entitlement,
    ManagedCommunity,
    PriceList,
    Resident,
    SipAccount,
    Site,
    SiteAssignment,
    VideoPlan,
)
from portico.tenancy.enums import PORTAL_ROLES, OrganizationKind, Role
from portico.tenancy.selectors import companies_below, membership_of

Row = TypeVar("Row", bound=Model)


def visible_sites(actor: User) -> QuerySet[Site]:
    """The sites that ``actor`` may manage: those of his own installer organisation.

    A sub-installer's are those assigned to him. Distributors and the operator enter an
    installer's portal with his consent only. Property managers have none: theirs are
    :func:`managed_communities`, which no installer's function asks for.
    """
    return visible_rows(actor, Site.objects.all())


def visible_rows(actor: User, rows: QuerySet[Row], site: str = "") -> QuerySet[Row]:
    """Those of ``rows`` that stand at :func:`visible_sites`.

    ``rows`` are sites, or with ``site="site__"`` what belongs to one. Such rows repeat the
    site's company for the order of their lists; that it is the site's is asked all the same.
    """
    return _at_their_site(rows_to_sort(actor, rows, site), site)


def rows_to_sort(actor: User, rows: QuerySet[Row], site: str = "") -> QuerySet[Row]:
    """The same by nothing but the company that a row repeats: not to be shown.

    For finding and sorting: asking each of 10,000 rows for its site, to skip them, takes a
    database longer than all else on a page. :func:`visible_rows` asks those that are shown.
    """
    membership = membership_of(actor)
    if membership is None or membership.organization.kind != OrganizationKind.INSTALLER:
        return rows.none()
    if membership.role not in PORTAL_ROLES:
        return rows.none()
    company = membership.organization_id
    rows = rows.filter(organization=company)
    if membership.role == Role.SUB_INSTALLER:
        rows = rows.filter(**{f"{site}assignments__user": actor.pk})
    return rows


def management_of(actor: User) -> QuerySet[ManagedCommunity]:
    """The communities that ``actor`` manages, each with what he may do there.

    None for everybody who is no property manager of an installer now.
    """
    membership = membership_of(actor)
    if (
        membership is None
        or membership.role != Role.MANAGER
        or membership.organization.kind != OrganizationKind.INSTALLER
    ):
        return ManagedCommunity.objects.none()
    return ManagedCommunity.objects.filter(
        user=actor.pk,
        site__kind=SiteKind.COMMUNITY,
        site__organization=membership.organization,
    )


def managed_communities(
    actor: User, *, may: ManagerRight | None = None
) -> QuerySet[Site]:
    """The communities that ``actor`` manages; with ``may`` those where he has that right."""
    rows = management_of(actor)
    if may is not None:
        rows = rows.filter(**{may.value: True})
    return Site.objects.filter(pk__in=rows.values("site"))


def search_communities(communities: QuerySet[Site], text: str) -> QuerySet[Site]:
    """Narrow by name or address, which is what a property manager knows them by."""
    words = text.strip()
    if not words:
        return communities
    return communities.filter(Q(name__icontains=words) | Q(address__icontains=words))


def get_managed_community(actor: User, site_id: uuid.UUID) -> ManagedCommunity:
    """How ``actor`` manages one community, with the site.

    :raises NotVisible: he does not manage it.
    """
    rows = management_of(actor).select_related("site").filter(site=site_id)
    found = rows.first()
    if found is None:
        raise NotVisible
    return found


def managers_of(site: Site) -> QuerySet[ManagedCommunity]:
    """Who manages a community that the caller has been shown, by name."""
    rows = site.management.select_related("user", "user__membership")
    return rows.order_by("user__name", "pk")


def rights_by_community(user: User) -> dict[uuid.UUID, dict[str, bool]]:
    """What a property manager may do in each of his communities."""
    rows = ManagedCommunity.objects.filter(user=user.pk)
    found = rows.values("site_id", *ManagerRight.values)
    return {row.pop("site_id"): row for row in found}


def communities_by_manager(user_ids: Collection[int]) -> dict[int, list[str]]:
    """The names of the communities of each of ``user_ids`` that manages some."""
    rows = ManagedCommunity.objects.filter(user__in=user_ids)
    named: dict[int, list[str]] = {}
    for user_id, name in rows.order_by("site__name").values_list("user", "site__name"):
        named.setdefault(user_id, []).append(name)
    return named


def manager_counts(site_ids: Collection[uuid.UUID]) -> dict[uuid.UUID, int]:
    """How many property managers each of ``site_ids`` has."""
    rows = ManagedCommunity.objects.filter(site__in=site_ids).values_list("site")
    return dict(rows.annotate(count=Count("pk")).order_by())


def sites_below(actor: User) -> QuerySet[Site]:
    """The sites of all companies below that of ``actor``, to look at (ORG-4)."""
    return rows_below(actor, Site.objects.all())


def rows_below(actor: User, rows: QuerySet[Row], site: str = "") -> QuerySet[Row]:
    """Those of ``rows`` that stand at :func:`sites_below`; see :func:`visible_rows`.

    What belongs to sites is without ``site`` but to be sorted, as by :func:`rows_to_sort`.
    """
    below = rows.filter(organization__in=companies_below(actor))
    return _at_their_site(below, site)


def _at_their_site(rows: QuerySet[Row], site: str) -> QuerySet[Row]:
    """Without those whose copy of the company is wrong: they are nobody's."""
    return rows.filter(**{f"{site}organization": F("organization")}) if site else rows


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
    number = SipAccount.objects.filter(number=words).values("pk")
    # Each in a query of its own: joined, every site would be read with all its people,
    # and asked together no index would find a number or MAC.
    persons = User.objects.filter(
        Q(email__icontains=words) | Q(phone__contains=words.replace(" ", ""))
    )
    found = (
        Q(name__icontains=words)
        | Q(room_name__icontains=words)
        | Q(address__icontains=words)
        | Q(family_sip__in=number)
        | Q(pk__in=Resident.objects.filter(user__in=persons).values("site"))
        | Q(pk__in=Resident.objects.filter(sip__in=number).values("site"))
        | Q(pk__in=Site.objects.filter(devices__sip__in=number).values("pk"))
    )
    if mac := mac_part(words):
        found |= Q(
            pk__in=Site.objects.filter(devices__mac__startswith=mac).values("pk")
        )
    return sites.filter(found)


def sites_named(words: str) -> QuerySet[Site]:
    """All sites with ``words`` in a name, to narrow by what somebody may see."""
    named = Q(name__icontains=words) | Q(room_name__icontains=words)
    return Site.objects.filter(named)


def is_resident(user: User) -> bool:
    """Whether ``user`` lives in some house; staff do not."""
    return Resident.objects.filter(user=user).exists()


def entitlements_of(site: Site) -> QuerySet[Entitlement]:
    """What a site that the caller has been shown has been granted, ever."""
    return site.entitlements.order_by("starts_at", "pk")


def get_site_below(actor: User, site_id: uuid.UUID) -> Site:
    """One of :func:`sites_below`. :raises NotVisible: it is none of them."""
    found = sites_below(actor).select_related("organization").filter(pk=site_id)
    site = found.first()
    if site is None:
        raise NotVisible
    return site


def price_list() -> PriceList:
    """What the services cost in this installation."""
    return PriceList.objects.filter(pk=1).first() or PriceList()


def video_plan_of(site: Site) -> VideoPlan | None:
    """How a house that the caller has been shown stores video; None: not at all."""
    return VideoPlan.objects.filter(site=site).first()


def member_count(site: Site) -> int:
    """How many family members ``site`` has beside the master."""
    return site.residents.filter(role=ResidentRole.MEMBER).count()


def get_person(site: Site, resident_id: int) -> Resident:
    """One of the people of a site that the caller has been shown.

    :raises NotVisible: nobody of this site.
    """
    found = people_of(site).filter(pk=resident_id).first()
    if found is None:
        raise NotVisible
    return found


def people_of(site: Site) -> QuerySet[Resident]:
    """Master first, then members by age of the account."""
    return site.residents.select_related("user", "sip").order_by("role", "pk")


def site_names(sites: QuerySet[Site]) -> list[tuple[uuid.UUID, str]]:
    """Ids and names of ``sites``, for choosing from."""
    rows = sites.order_by("room_name", "pk").values_list("pk", "room_name", "name")
    # A community has one name.
    return [
        (pk, room if room == name else f"{room} · {name}") for pk, room, name in rows
    ]


def site_counts(organization_ids: Collection[int]) -> dict[int, int]:
    """How many sites each of these companies looks after itself."""
    rows = Site.objects.filter(organization__in=organization_ids)
    counted = rows.values_list("organization").annotate(count=Count("pk"))
    return dict(counted.order_by())


def people_counts(site_ids: Collection[uuid.UUID]) -> dict[uuid.UUID, int]:
    """How many people have an account in each of ``site_ids``."""
    rows = Resident.objects.filter(site__in=site_ids).values_list("site")
    return dict(rows.annotate(count=Count("pk")).order_by())


# A service that ends sooner is to be renewed now (NAV-2).
EXPIRES_SOON = timedelta(days=30)


def _service(now: datetime, entitlement: str = "") -> dict[str, Q]:
    """What is asked of a row's entitlements; ``entitlement`` is the way there from it."""
    begun = {f"{entitlement}feature": Feature.APP, f"{entitlement}starts_at__lte": now}
    soon = now + EXPIRES_SOON
    later = begun | {f"{entitlement}starts_at__lte": soon}
    for_good = Q(**{f"{entitlement}ends_at": None})
    return {
        "begun": Q(**begun),
        "runs": Q(**begun) & (for_good | Q(**{f"{entitlement}ends_at__gt": now})),
        "runs_later": Q(**later)
        & (for_good | Q(**{f"{entitlement}ends_at__gt": soon})),
    }


def _terms(found: Mapping[str, Q]) -> dict[ServiceTerm, Q]:
    """The terms, from whether there is each of :func:`_service`."""
    begun, runs, later = found["begun"], found["runs"], found["runs_later"]
    return {
        ServiceTerm.ACTIVE: runs & later,
        ServiceTerm.EXPIRING: runs & ~later,
        ServiceTerm.EXPIRED: begun & ~runs,
        ServiceTerm.INACTIVE: ~begun,
    }


def _looked_up(site: str, now: datetime) -> dict[ServiceTerm, Q]:
    """For lists: asked of one row after the other; ``site`` is the row's field."""
    mine = Entitlement.objects.filter(site=OuterRef(site))
    asked = _service(now).items()
    return _terms({name: Q(Exists(mine.filter(one))) for name, one in asked})


# For counts: all entitlements are read once. With 10,000 accounts on PostgreSQL that takes
# 0.02 seconds, and looking them up row by row 1.
_COUNTED = _terms({n: Q(**{f"{n}__gt": 0}) for n in ("begun", "runs", "runs_later")})


def _counting(way: str, now: datetime) -> dict[str, Count]:
    asked = _service(now, f"{way}__").items()
    return {name: Count(way, filter=one) for name, one in asked}


def sites_in_term(
    sites: QuerySet[Site], term: ServiceTerm, *, now: datetime
) -> QuerySet[Site]:
    """Those of ``sites`` whose app service stands so."""
    return sites.filter(_looked_up("pk", now)[term])


def term_counts(sites: QuerySet[Site], *, now: datetime) -> dict[ServiceTerm, int]:
    """How many of ``sites`` stand how with their app service; one query."""
    rows = sites.order_by().annotate(**_counting("entitlements", now))
    found = rows.aggregate(
        **{term.value: Count("pk", filter=one) for term, one in _COUNTED.items()}
    )
    return {term: found[term.value] for term in ServiceTerm}


def _accounts(terms: Mapping[ServiceTerm, Q]) -> dict[AccountState, Q]:
    """The states of app accounts: who has not registered uses no service."""
    registered = Q(registered_at__isnull=False)
    states = {AccountState(term.value): registered & one for term, one in terms.items()}
    return {AccountState.UNREGISTERED: ~registered} | states


def account_counts(sites: QuerySet[Site], *, now: datetime) -> dict[AccountState, int]:
    """How many app accounts of ``sites`` are in which state; one query."""
    rows = Resident.objects.filter(site__in=sites)
    found = rows.annotate(**_counting("site__entitlements", now)).aggregate(
        **{
            state.value: Count("pk", filter=one)
            for state, one in _accounts(_COUNTED).items()
        }
    )
    return {state: found[state.value] for state in AccountState}


def sites_with_accounts(
    sites: QuerySet[Site], state: AccountState, *, now: datetime
) -> QuerySet[Site]:
    """Those of ``sites`` in which somebody's app account is in that state."""
    in_state = _accounts(_looked_up("site", now))[state]
    people = Resident.objects.filter(in_state, site__in=sites)
    return sites.filter(pk__in=people.values("site"))
