"""Imports of houses: an installer's own company's alone."""

from __future__ import annotations

import uuid

from django.db.models import QuerySet

from portico.accounts.models import User
from portico.houses.models import HouseImport
from portico.kernel.errors import NotVisible
from portico.tenancy.enums import OrganizationKind
from portico.tenancy.selectors import organization_of


def visible_imports(actor: User) -> QuerySet[HouseImport]:
    """What ``actor`` has ordered in his company, newest first."""
    company = organization_of(actor, OrganizationKind.INSTALLER)
    rows = HouseImport.objects.filter(organization=company, requested_by=actor)
    return rows.order_by("-created_at")


def get_import(actor: User, import_id: uuid.UUID) -> HouseImport:
    """One of :func:`visible_imports`. :raises NotVisible: it is none of them."""
    found = visible_imports(actor).filter(pk=import_id).first()
    if found is None:
        raise NotVisible
    return found
