"""The tree of companies and who works in them."""

from __future__ import annotations

from datetime import datetime

from django.db import transaction

from portico.accounts.models import User
from portico.audit.services import record
from portico.tenancy.enums import OrganizationKind, Role
from portico.tenancy.errors import WrongParent
from portico.tenancy.models import Membership, Organization

_PARENTS = {
    OrganizationKind.DISTRIBUTOR: {OrganizationKind.OPERATOR},
    OrganizationKind.SUB_DISTRIBUTOR: {OrganizationKind.DISTRIBUTOR},
    OrganizationKind.INSTALLER: {
        OrganizationKind.DISTRIBUTOR,
        OrganizationKind.SUB_DISTRIBUTOR,
    },
}


@transaction.atomic
def create_organization(
    *,
    actor: User | None,
    kind: OrganizationKind,
    name: str,
    parent: Organization | None,
    now: datetime,
    time_zone: str = "UTC",
) -> Organization:
    """Create a company below ``parent``; the operator alone has none.

    :raises WrongParent: the chain does not allow ``kind`` below ``parent``.
    """
    allowed = _PARENTS.get(kind, set())
    if (parent is None) != (not allowed) or (parent and parent.kind not in allowed):
        raise WrongParent
    created = Organization.objects.create(
        kind=kind, name=name, parent=parent, time_zone=time_zone, created_at=now
    )
    created.path = f"{parent.path if parent else '/'}{created.pk}/"
    created.save(update_fields=["path"])
    record(
        actor=actor,
        action="organization.created",
        subject=created,
        organization_id=created.pk,
        after={"kind": str(kind), "name": name},
        now=now,
    )
    return created


@transaction.atomic
def add_member(
    *,
    actor: User | None,
    organization: Organization,
    user: User,
    role: Role,
    now: datetime,
) -> Membership:
    """Give ``user`` its place in ``organization``."""
    membership = Membership.objects.create(
        user=user, organization=organization, role=role
    )
    record(
        actor=actor,
        action="member.added",
        subject=membership,
        organization_id=organization.pk,
        after={"user": user.pk, "role": str(role)},
        now=now,
    )
    return membership
