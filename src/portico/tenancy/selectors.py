"""Who somebody is in the sales chain, and what lies below."""

from __future__ import annotations

from django.db.models import QuerySet

from portico.accounts.models import User
from portico.kernel.errors import NotVisible
from portico.tenancy.enums import OrganizationKind
from portico.tenancy.models import Membership, Organization, PlatformSettings


def membership_of(actor: User) -> Membership | None:
    """The place of ``actor`` in the chain; None for residents."""
    members = Membership.objects.select_related("organization")
    return members.filter(user__pk=actor.pk, user__is_active=True).first()


def organization_of(actor: User, *kinds: OrganizationKind) -> Organization:
    """The organisation of ``actor``, if it is of one of ``kinds``.

    :raises NotVisible: ``actor`` has no place, or one of another kind.
    """
    membership = membership_of(actor)
    if membership is None or membership.organization.kind not in kinds:
        raise NotVisible
    return membership.organization


def visible_organizations(actor: User) -> QuerySet[Organization]:
    """The organisation of ``actor`` and everything below it."""
    membership = membership_of(actor)
    if membership is None:
        return Organization.objects.none()
    return Organization.objects.filter(path__startswith=membership.organization.path)


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
