"""Searches of the list of devices that a company keeps."""

from __future__ import annotations

from django.db.models import QuerySet

from portico.accounts.models import User
from portico.devices.models import SavedFilter
from portico.kernel.errors import NotVisible
from portico.tenancy.enums import PORTAL_ROLES, OrganizationKind
from portico.tenancy.selectors import membership_of


def visible_filters(actor: User) -> QuerySet[SavedFilter]:
    """Those of the actor's company; what they find is still what he may see."""
    membership = membership_of(actor)
    if (
        membership is None
        or membership.role not in PORTAL_ROLES
        or membership.organization.kind != OrganizationKind.INSTALLER
    ):
        return SavedFilter.objects.none()
    rows = SavedFilter.objects.filter(organization=membership.organization_id)
    return rows.order_by("name")


def get_visible_filter(actor: User, filter_id: int) -> SavedFilter:
    """One of :func:`visible_filters`. :raises NotVisible: it is none of them."""
    found = visible_filters(actor).filter(pk=filter_id).first()
    if found is None:
        raise NotVisible
    return found
