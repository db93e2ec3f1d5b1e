"""Which sites a sub-installer works on, and which communities somebody manages."""

from __future__ import annotations

import uuid
from collections.abc import Collection, Mapping
from dataclasses import asdict, dataclass
from datetime import datetime

from django.db import transaction

from portico.accounts.models import User
from portico.audit.services import record
from portico.kernel.errors import NotVisible
from portico.sites.enums import SiteKind
from portico.sites.models import ManagedCommunity, Site, SiteAssignment
from portico.sites.selectors import rights_by_community, visible_sites
from portico.tenancy.enums import OrganizationKind, Role
from portico.tenancy.models import Membership
from portico.tenancy.selectors import owner_of


@dataclass(frozen=True, slots=True)
class ManagerRights:
    """What a property manager may do in one community (ORG-2)."""

    may_delete_residents: bool = True
    may_see_logs: bool = True
    may_see_images: bool = True


def assign_to_maker(*, actor: User, site: Site, now: datetime) -> None:
    """A sub-installer works on the sites that he has added himself.

    Call inside the transaction that makes ``site``.
    """
    if not visible_sites(actor).filter(pk=site.pk).exists():
        SiteAssignment.objects.create(site=site, user=actor, assigned_at=now)


@transaction.atomic
def assign_sites(
    *, actor: User, member: Membership, site_ids: Collection[uuid.UUID], now: datetime
) -> None:
    """Let ``member`` work on exactly these sites from now on.

    :raises NotVisible: one of them is not the actor's, or ``member`` no sub-installer.
    """
    wanted = set(site_ids)
    known = set(visible_sites(actor).filter(pk__in=wanted).values_list("pk", flat=True))
    if known != wanted or member.role != Role.SUB_INSTALLER:
        raise NotVisible
    rows = SiteAssignment.objects.filter(user=member.user_id)
    before = set(rows.values_list("site_id", flat=True))
    if before == wanted:
        return
    rows.exclude(site__in=wanted).delete()
    SiteAssignment.objects.bulk_create(
        [
            SiteAssignment(site_id=site_id, user_id=member.user_id, assigned_at=now)
            for site_id in wanted - before
        ],
        ignore_conflicts=True,
    )
    record(
        actor=actor,
        action="member.sites_assigned",
        subject=member.user,
        organization_id=member.organization_id,
        before={"sites": sorted(map(str, before))},
        after={"sites": sorted(map(str, wanted))},
        now=now,
    )


@transaction.atomic
def assign_communities(
    *,
    actor: User,
    member: Membership,
    rights: Mapping[uuid.UUID, ManagerRights],
    now: datetime,
) -> None:
    """Let ``member`` manage exactly these communities from now on, with these rights.

    :raises NotVisible: one is no community of the actor's company, or ``member`` none of
        its property managers.
    :raises NotPermitted: ``actor`` does not speak for the company.
    """
    company = owner_of(actor, OrganizationKind.INSTALLER)
    mine = visible_sites(actor).filter(kind=SiteKind.COMMUNITY, pk__in=rights)
    is_ours = member.organization_id == company.pk and member.role == Role.MANAGER
    if not is_ours or mine.count() != len(rights):
        raise NotVisible
    before = rights_by_community(member.user)
    after = {site_id: asdict(one) for site_id, one in rights.items()}
    if before == after:
        return
    rows = ManagedCommunity.objects.filter(user=member.user_id)
    rows.exclude(site__in=rights).delete()
    for site_id, fields in after.items():
        ManagedCommunity.objects.update_or_create(
            site_id=site_id,
            user_id=member.user_id,
            defaults=fields,
            create_defaults={**fields, "assigned_at": now},
        )
    record(
        actor=actor,
        action="member.communities_assigned",
        subject=member.user,
        organization_id=member.organization_id,
        before={"communities": {str(key): one for key, one in before.items()}},
        after={"communities": {str(key): one for key, one in after.items()}},
        now=now,
    )
