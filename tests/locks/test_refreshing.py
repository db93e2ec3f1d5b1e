"""Accounts are asked for their locks, and what becomes of failures (DEV-6)."""

from __future__ import annotations

from datetime import timedelta

import pytest

from portico.kernel.clock import utcnow
from portico.locks.enums import AccountState, Battery, LockReason
from portico.locks.models import Lock, LockAccount
from portico.locks.services.refreshing import order_due, refresh
from portico.sites.models import Site
from tests.factories import run_jobs
from tests.integrations.server import BACK, FRONT, FakeSalto, Trouble

pytestmark = [pytest.mark.integration, pytest.mark.django_db]


def ask_later(account: LockAccount, minutes: int) -> LockAccount:
    then = utcnow() + timedelta(minutes=minutes)
    refresh(account_id=account.pk, clock=lambda: then)
    account.refresh_from_db()
    return account


def test_new_account_is_checked_at_once(account: LockAccount) -> None:
    assert account.state == AccountState.OK
    assert list(account.locks.values_list("name", "battery").order_by("name")) == [
        ("Cellar", Battery.LOW),
        ("Gate", Battery.GOOD),
    ]
    assert "s3cret" not in str(
        LockAccount.objects.extra(select={"raw": "credentials"}).values("raw").get()
    )


def test_states_are_heard_every_five_minutes(
    account: LockAccount, salto: FakeSalto
) -> None:
    salto.locks[0]["online"] = False
    ask_later(account, 1)
    assert Lock.objects.get(vendor_id=FRONT).is_online is True
    order_due(now=utcnow() + timedelta(minutes=6))
    ask_later(account, 6)
    assert Lock.objects.get(vendor_id=FRONT).is_online is False


def test_vendor_that_is_away_is_asked_later_and_later(
    account: LockAccount, salto: FakeSalto
) -> None:
    pauses = []
    for minutes in (10, 100, 1000):
        salto.troubles.append(Trouble("/locks", 503))
        asked = utcnow() + timedelta(minutes=minutes)
        ask_later(account, minutes)
        pauses.append(round((account.due_at - asked).total_seconds() / 60))
    assert pauses == [5, 10, 20]
    assert (account.state, account.reason) == ("unreachable", "lock_vendor_fault")
    # What was known stands, with its age.
    assert Lock.objects.count() == 2
    ask_later(account, 5000)
    assert (account.state, account.failures) == (AccountState.OK, 0)


def test_vendor_is_left_alone_as_long_as_it_asks(
    account: LockAccount, salto: FakeSalto
) -> None:
    salto.troubles.append(Trouble("/locks", 429, headers={"Retry-After": "1800"}))
    asked = utcnow() + timedelta(minutes=10)
    ask_later(account, 10)
    assert account.due_at - asked >= timedelta(minutes=29)


def test_wrong_secret_is_told(account: LockAccount, salto: FakeSalto) -> None:
    salto.secret = "another"
    salto.revoke()
    ask_later(account, 10)
    assert (account.state, account.reason) == ("refused", LockReason.CREDENTIALS)


def test_lock_that_is_gone_leaves_unless_a_house_has_it(
    account: LockAccount, salto: FakeSalto, site: Site
) -> None:
    Lock.objects.filter(vendor_id=FRONT).update(site=site)
    salto.locks.clear()
    ask_later(account, 10)
    assert not Lock.objects.filter(vendor_id=BACK).exists()
    assert Lock.objects.get(vendor_id=FRONT).is_listed is False


def test_answer_to_older_credentials_says_nothing(
    account: LockAccount, salto: FakeSalto
) -> None:
    older = LockAccount.objects.get(pk=account.pk)
    LockAccount.objects.update(version=2, state=AccountState.NEW)
    from portico.locks.services.refreshing import _heard

    _heard(older, [], utcnow())
    assert LockAccount.objects.get().state == AccountState.NEW
    assert Lock.objects.count() == 2
    run_jobs()
