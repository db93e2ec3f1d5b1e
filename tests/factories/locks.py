"""Accounts at vendors of locks, and locks."""

from __future__ import annotations

import uuid

from portico.accounts.models import User
from portico.devices.enums import CommandChannel
from portico.kernel.clock import utcnow
from portico.locks.enums import AccountState, Battery, Bolt
from portico.locks.models import Lock, LockAccount
from portico.locks.ports import find_brand
from portico.locks.services.accounts import add_account
from portico.locks.services.opening import request_open
from portico.sites.models import Site

# Nothing listens there.
NOWHERE = "http://127.0.0.1:9"


def make_lock_account(
    installer: User, values: dict[str, str] | None = None, brand: str = "salto"
) -> LockAccount:
    """An account that nobody has asked for its locks yet."""
    found = find_brand(brand)
    assert found is not None
    known = {
        one.key: NOWHERE if one.is_address else f"the {one.key}" for one in found.fields
    }
    return add_account(
        actor=installer,
        brand=found,
        name="Our locks",
        values=known | (values or {}),
        now=utcnow(),
    )


def make_lock(account: LockAccount, site: Site | None = None) -> Lock:
    """A lock as the vendor has listed it; of ``site`` if there is one."""
    LockAccount.objects.filter(pk=account.pk).update(state=AccountState.OK)
    lock = Lock.objects.create(
        account=account,
        organization=account.organization,
        vendor_id=str(uuid.uuid4()),
        name="Gate",
        battery=Battery.LOW,
        bolt=Bolt.LOCKED,
        is_online=True,
        last_seen_at=utcnow(),
    )
    if site is not None:
        Lock.objects.filter(pk=lock.pk).update(site=site)
        lock.site = site
    return lock


def lock_ids(site: Site, installer: User) -> dict[str, object]:
    """A lock of ``site`` with an opening, its account, and a free lock."""
    account = make_lock_account(installer)
    lock = make_lock(account, site)
    opening = request_open(
        actor=installer, lock=lock, channel=CommandChannel.PORTAL, now=utcnow()
    )
    return {
        "brand": "salto",
        "lock_account_id": account.pk,
        "lock_id": lock.pk,
        "own_lock_id": make_lock(account).pk,
        "opening_id": opening.pk,
    }
