"""Accounts at vendors of locks, and the houses that their locks are assigned to."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime

from django.db import transaction
from django.db.models import F
from django.utils.translation import gettext as _

from portico.accounts.models import User
from portico.audit.services import record
from portico.kernel.errors import NotVisible
from portico.kernel.outbox import publish_on_commit
from portico.kernel.queue import enqueue
from portico.kernel.rows import hold
from portico.locks.enums import AccountState
from portico.locks.errors import BadCredentials, LockTaken
from portico.locks.models import Lock, LockAccount
from portico.locks.ports import BadAddress, Brand, find_brand
from portico.locks.selectors import get_own_account, get_own_lock
from portico.sites.models import Site
from portico.sites.selectors import get_visible_site
from portico.tenancy.enums import OrganizationKind
from portico.tenancy.selectors import owner_of

REFRESH = "locks.refresh"


@transaction.atomic
def add_account(
    *, actor: User, brand: Brand, name: str, values: Mapping[str, str], now: datetime
) -> LockAccount:
    """Keep an account and order its first check.

    :raises NotVisible: ``actor`` speaks for no installer.
    :raises BadCredentials: a field is empty, or an address may not be called.
    """
    company = owner_of(actor, OrganizationKind.INSTALLER)
    account = LockAccount.objects.create(
        organization=company,
        brand=brand.key,
        name=name,
        credentials=_checked(brand, values),
        state_since=now,
        due_at=now,
    )
    _record(actor, account, "lock_account.added", now)
    _order_check(account)
    return account


@transaction.atomic
def change_account(
    *,
    actor: User,
    account: LockAccount,
    name: str,
    values: Mapping[str, str],
    now: datetime,
) -> None:
    """Replace name and credentials, all of them, and order a check.

    :raises: as :func:`add_account`.
    """
    account = get_own_account(actor, account.pk)
    brand = find_brand(account.brand)
    if brand is None:
        raise NotVisible
    LockAccount.objects.filter(pk=account.pk).update(
        name=name,
        credentials=_checked(brand, values),
        state=AccountState.NEW,
        reason="",
        state_since=now,
        due_at=now,
        failures=0,
        version=F("version") + 1,
    )
    _record(actor, account, "lock_account.changed", now)
    _order_check(account)


def _checked(brand: Brand, values: Mapping[str, str]) -> str:
    for one in brand.fields:
        value = values.get(one.key, "")
        if not value:
            raise BadCredentials(_("Fill in this field."), field=one.key)
        if one.is_address:
            try:
                brand.check_address(value)
            except BadAddress as error:
                raise BadCredentials(str(error), field=one.key) from None
    return json.dumps({one.key: values[one.key] for one in brand.fields})


@transaction.atomic
def remove_account(*, actor: User, account: LockAccount, now: datetime) -> None:
    """Delete an account with its locks; log entries of their openings stay.

    :raises NotVisible: it is not the company's of ``actor``.
    """
    account = get_own_account(actor, account.pk)
    hold(account)
    _record(actor, account, "lock_account.removed", now)
    sites = set(account.locks.exclude(site=None).values_list("site", flat=True))
    LockAccount.objects.filter(pk=account.pk).delete()
    for site_id in sites:
        publish_on_commit("lock.changed", site=str(site_id))


def order_refresh(*, account: LockAccount, now: datetime) -> None:
    """Ask the vendor at once, of an account that the caller was shown."""
    LockAccount.objects.filter(pk=account.pk).update(due_at=now)
    _order_check(account)


def _order_check(account: LockAccount) -> None:
    enqueue(REFRESH, unique_key=f"locks:{account.pk}", account_id=account.pk)


@transaction.atomic
def assign_lock(*, actor: User, lock: Lock, site: Site, now: datetime) -> None:
    """Give a free lock to a house.

    :raises NotVisible: not the company's lock, or no house of ``actor``'s.
    :raises LockTaken: it has a house already.
    """
    lock = get_own_lock(actor, lock.pk)
    site = get_visible_site(actor, site.pk)
    if site.is_community:
        raise NotVisible
    if not Lock.objects.filter(pk=lock.pk, site=None).update(site=site):
        raise LockTaken(_("This lock is assigned to a house already. Unassign it."))
    _moved(actor, lock, site, "lock.assigned", now)


@transaction.atomic
def unassign_lock(*, actor: User, lock: Lock, now: datetime) -> None:
    """Take a lock from its house. :raises NotVisible: as :func:`assign_lock`."""
    lock = get_own_lock(actor, lock.pk)
    site = lock.site
    if site is None or not Lock.objects.filter(pk=lock.pk, site=site).update(site=None):
        return
    _moved(actor, lock, site, "lock.unassigned", now)


def _moved(actor: User, lock: Lock, site: Site, action: str, now: datetime) -> None:
    record(
        actor=actor,
        action=action,
        subject=lock,
        organization_id=lock.organization_id,
        site_id=site.pk,
        after={"site": site.room_name, "account": lock.account.name},
        now=now,
    )
    publish_on_commit("lock.changed", lock=lock.pk, site=str(site.pk))


def _record(actor: User, account: LockAccount, action: str, now: datetime) -> None:
    record(
        actor=actor,
        action=action,
        subject=account,
        organization_id=account.organization_id,
        after={"brand": account.brand},
        now=now,
    )
