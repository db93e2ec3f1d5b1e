"""Which sites a sub-installer works on (ORG-1)."""

from __future__ import annotations

import uuid
from collections.abc import Collection
from datetime import datetime

from django.db import transaction

from portico.accounts.models import User
from portico.audit.services import record
from portico.kernel.errors import NotVisible
from portico.sites.models import SiteAssignment
from portico.sites.selectors import visible_sites
from portico.tenancy.enums import Role
from portico.tenancy.models import Membership


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
