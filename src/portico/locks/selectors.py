"""Accounts at vendors and their locks: scope first, shape second."""

from __future__ import annotations

import uuid
from collections.abc import Collection, Sequence
from datetime import datetime

from django.db.models import Count, OuterRef, Q, QuerySet, Subquery

from portico.accounts.models import User
from portico.devices.enums import CommandState
from portico.kernel.errors import NotVisible
from portico.locks.models import Lock, LockAccount, LockCommand
from portico.sites.models import Resident, Site
from portico.sites.selectors import visible_rows
from portico.tenancy.enums import OrganizationKind
from portico.tenancy.selectors import owner_of


def own_accounts(actor: User) -> QuerySet[LockAccount]:
    """The accounts of the installer that ``actor`` speaks for, with how many locks.

    :raises NotVisible: he speaks for none.
    """
    company = owner_of(actor, OrganizationKind.INSTALLER)
    rows = LockAccount.objects.filter(organization=company).order_by("name", "pk")
    return rows.annotate(
        lock_count=Count("locks"),
        free_count=Count("locks", filter=Q(locks__site=None)),
    )


def get_own_account(actor: User, account_id: int) -> LockAccount:
    """One of them. :raises NotVisible: unknown or another company's."""
    found = own_accounts(actor).filter(pk=account_id).first()
    if found is None:
        raise NotVisible
    return found


def locks_of_account(account: LockAccount) -> QuerySet[Lock]:
    """The locks of an account that the caller was shown."""
    rows = Lock.objects.filter(account=account).select_related("site", "account")
    return rows.order_by("name", "pk")


def own_locks(actor: User) -> QuerySet[Lock]:
    """All locks of the installer that ``actor`` speaks for. :raises NotVisible."""
    company = owner_of(actor, OrganizationKind.INSTALLER)
    return Lock.objects.filter(organization=company).select_related("site", "account")


def get_own_lock(actor: User, lock_id: int) -> Lock:
    """One of them. :raises NotVisible: unknown or another company's."""
    found = own_locks(actor).filter(pk=lock_id).first()
    if found is None:
        raise NotVisible
    return found


def free_locks(actor: User) -> QuerySet[Lock]:
    """Those that no house has, of what the vendors list. :raises NotVisible."""
    return own_locks(actor).filter(site=None, is_listed=True).order_by("name", "pk")


def locks_of_site(site: Site) -> QuerySet[Lock]:
    """The locks of a house that the caller has been shown."""
    rows = Lock.objects.filter(site=site).select_related("site", "account")
    return rows.order_by("name", "pk")


def get_visible_lock(actor: User, site_id: uuid.UUID, lock_id: int) -> Lock:
    """One lock of a house. :raises NotVisible: not there, or not for this actor."""
    rows = Lock.objects.select_related("site", "account")
    found = visible_rows(actor, rows, "site__").filter(pk=lock_id, site=site_id).first()
    if found is None:
        raise NotVisible
    return found


def latest_openings(
    locks: Sequence[Lock], *, since: datetime
) -> dict[int, LockCommand]:
    """The newest opening of each of ``locks`` since then."""
    newest = LockCommand.objects.filter(lock=OuterRef("lock"))
    newest = newest.order_by("-requested_at")
    found = LockCommand.objects.filter(
        lock__in=locks, requested_at__gte=since, pk=Subquery(newest.values("pk")[:1])
    )
    return {one.lock_id: one for one in found}


def get_visible_opening(actor: User, command_id: uuid.UUID) -> LockCommand:
    """One opening at a house of ``actor``'s. :raises NotVisible."""
    mine = visible_rows(actor, Site.objects.all())
    found = LockCommand.objects.filter(pk=command_id, site__in=mine).first()
    if found is None:
        raise NotVisible
    return found


def locks_of_homes(homes: Collection[Resident]) -> list[Lock]:
    """The locks of an app's houses."""
    sites = [home.site_id for home in homes]
    return list(Lock.objects.filter(site__in=sites).order_by("name", "pk"))


def get_lock_of_homes(homes: Collection[Resident], lock_id: int) -> Lock:
    """One of them. :raises NotVisible: none of theirs."""
    sites = [home.site_id for home in homes]
    rows = Lock.objects.select_related("site", "account")
    found = rows.filter(pk=lock_id, site__in=sites).first()
    if found is None:
        raise NotVisible
    return found


def opening_state(command_id: uuid.UUID) -> tuple[CommandState, str] | None:
    """State and reason of an opening, read now."""
    rows = LockCommand.objects.filter(pk=command_id).values_list("state", "reason")
    found = rows.first()
    return (CommandState(found[0]), found[1]) if found else None
