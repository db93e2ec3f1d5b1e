"""What the vendors tell of their locks, heard every few minutes."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import structlog
from django.db import transaction
from django.db.models import F

from portico.kernel.outbox import publish_on_commit
from portico.kernel.queue import enqueue
from portico.locks.enums import AccountState, LockReason
from portico.locks.models import Lock, LockAccount
from portico.locks.ports import LockFailed, SeenLock
from portico.locks.services.accounts import REFRESH

log = structlog.get_logger(__name__)

EVERY = timedelta(minutes=5)
_LONGEST_PAUSE = timedelta(hours=1)
BATCH = 100
# More than any account has; keeps the pages within bounds.
MOST = 2000
# These do not get better by themselves: somebody has to change something.
_REFUSALS = {
    LockReason.CREDENTIALS,
    LockReason.FORBIDDEN,
    LockReason.NOT_FOUND,
    LockReason.NOT_ALLOWED,
    LockReason.REDIRECT,
    LockReason.REJECTED,
}

Clock = Callable[[], datetime]


def order_due(*, now: datetime) -> None:
    """Order the lists of the accounts that are due."""
    due = LockAccount.objects.filter(due_at__lte=now).order_by("due_at")
    for account_id in due.values_list("pk", flat=True)[:BATCH]:
        enqueue(REFRESH, unique_key=f"locks:{account_id}", account_id=account_id)


def refresh(*, account_id: int, clock: Clock) -> None:
    """Ask the vendor for an account's locks; safe to run twice."""
    account = LockAccount.objects.filter(pk=account_id, due_at__lte=clock()).first()
    if account is None:
        return
    try:
        seen = account.connect().list_locks()
    except LockFailed as failed:
        _failed(account, failed, clock())
    else:
        _heard(account, seen[:MOST], clock())


def _failed(account: LockAccount, failed: LockFailed, now: datetime) -> None:
    refused = failed.reason in _REFUSALS
    log.warning("locks_failed", account=account.pk, reason=str(failed.reason))
    pause = min(EVERY * 2 ** min(account.failures, 8), _LONGEST_PAUSE)
    pause = max(pause, min(timedelta(seconds=failed.retry_after), _LONGEST_PAUSE))
    state = AccountState.REFUSED if refused else AccountState.UNREACHABLE
    _note(account, state, failed.reason, now, due_at=now + pause, failures=1)


@transaction.atomic
def _heard(account: LockAccount, seen: list[SeenLock], now: datetime) -> None:
    if not _note(account, AccountState.OK, "", now, due_at=now + EVERY, failures=0):
        return
    known = {lock.vendor_id: lock for lock in Lock.objects.filter(account=account)}
    for one in {one.vendor_id: one for one in seen}.values():
        _keep(account, known.pop(one.vendor_id, None), one, now)
    gone = [lock.pk for lock in known.values()]
    Lock.objects.filter(pk__in=gone, site=None).delete()
    Lock.objects.filter(pk__in=gone).update(is_listed=False, is_online=None)
    sites = Lock.objects.filter(account=account).exclude(site=None)
    for site_id in sites.values_list("site", flat=True).distinct():
        publish_on_commit("lock.changed", site=str(site_id))


def _note(
    account: LockAccount,
    state: AccountState,
    reason: str,
    now: datetime,
    *,
    due_at: datetime,
    failures: int,
) -> bool:
    """Save how the account stands; False: its credentials are others meanwhile."""
    since = now if account.state != state else account.state_since
    rows = LockAccount.objects.filter(pk=account.pk, version=account.version)
    return bool(
        rows.update(
            state=state,
            reason=reason,
            state_since=since,
            checked_at=now,
            due_at=due_at,
            failures=F("failures") + 1 if failures else 0,
        )
    )


def _keep(
    account: LockAccount, lock: Lock | None, seen: SeenLock, now: datetime
) -> None:
    told: dict[str, Any] = {
        "name": seen.name,
        "battery": seen.battery,
        "bolt": seen.bolt,
        "is_online": seen.is_online,
        "is_listed": True,
        "last_seen_at": now,
    }
    if lock is not None:
        Lock.objects.filter(pk=lock.pk).update(**told)
        return
    Lock.objects.create(
        account=account,
        organization_id=account.organization_id,
        vendor_id=seen.vendor_id,
        **told,
    )
