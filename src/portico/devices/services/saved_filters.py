"""Searches of the list of devices, kept under a name."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Final

from django.db import IntegrityError, transaction
from django.utils.translation import gettext as _

from portico.accounts.models import User
from portico.audit.services import record
from portico.devices.errors import FilterNameTaken, TooManyFilters
from portico.devices.models import SavedFilter
from portico.devices.selectors import get_visible_filter
from portico.kernel.errors import NotVisible
from portico.kernel.rows import hold
from portico.tenancy.enums import OrganizationKind, Role
from portico.tenancy.models import Organization
from portico.tenancy.selectors import membership_of

# More names than anybody chooses from.
MOST_FILTERS: Final = 50


@transaction.atomic
def save_filter(
    *, actor: User, name: str, query: Mapping[str, str], now: datetime
) -> SavedFilter:
    """Keep ``query``, what the address of the list asks, under ``name``.

    :raises NotVisible: ``actor`` is not an installer's, or a visitor there.
    :raises FilterNameTaken, TooManyFilters:
    """
    company = hold(_company(actor))
    if SavedFilter.objects.filter(organization=company).count() >= MOST_FILTERS:
        text = _("There are %(count)d saved filters already. Delete one first.")
        raise TooManyFilters(text % {"count": MOST_FILTERS})
    made = SavedFilter(organization=company, query=dict(query))
    return _save(actor, made, name, "saved", now)


@transaction.atomic
def rename_filter(
    *, actor: User, saved: SavedFilter, name: str, now: datetime
) -> SavedFilter:
    """:raises NotVisible, FilterNameTaken: as :func:`save_filter`."""
    _company(actor)
    held = hold(get_visible_filter(actor, saved.pk))
    return _save(actor, held, name, "renamed", now)


@transaction.atomic
def delete_filter(*, actor: User, saved: SavedFilter, now: datetime) -> None:
    """Forget it; what was ordered with it goes on. :raises NotVisible:"""
    _company(actor)
    held = hold(get_visible_filter(actor, saved.pk))
    _record(actor, held, "deleted", now)
    held.delete()


def _company(actor: User) -> Organization:
    membership = membership_of(actor)
    if (
        membership is None
        or membership.role == Role.VISITOR
        or membership.organization.kind != OrganizationKind.INSTALLER
    ):
        raise NotVisible
    return membership.organization


def _save(
    actor: User, saved: SavedFilter, name: str, verb: str, now: datetime
) -> SavedFilter:
    saved.name, saved.changed_at = name, now
    try:
        with transaction.atomic():
            saved.save()
    except IntegrityError:
        raise FilterNameTaken(_("Another saved filter has this name.")) from None
    _record(actor, saved, verb, now)
    return saved


def _record(actor: User, saved: SavedFilter, verb: str, now: datetime) -> None:
    record(
        actor=actor,
        action=f"saved_filter.{verb}",
        subject=saved,
        organization_id=saved.organization_id,
        after={"name": saved.name, "query": saved.query},
        now=now,
    )
