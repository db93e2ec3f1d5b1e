"""Opening a lock: one tap once, and nothing twice when nobody knows (DEV-6)."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import timedelta

import pytest
from django.db import connection

from portico.accounts.models import User
from portico.devices.enums import CommandChannel, CommandState
from portico.events.models import LogEntry
from portico.houses.services.turnover import delete_house, reset_house
from portico.integrations import http
from portico.kernel.clock import utcnow
from portico.kernel.errors import NotVisible
from portico.locks.enums import LockReason
from portico.locks.errors import LockKeyMismatch
from portico.locks.models import Lock, LockAccount, LockCommand
from portico.locks.services.opening import expire_openings, request_open, run_open
from portico.sites.models import Site
from tests.factories import make_installer, make_site, run_jobs
from tests.factories.locks import make_lock, make_lock_account
from tests.integrations.server import FRONT, FakeSalto, Trouble

pytestmark = pytest.mark.integration


@pytest.fixture
def lock(account: LockAccount, site: Site) -> Lock:
    Lock.objects.filter(vendor_id=FRONT).update(site=site)
    return Lock.objects.get(vendor_id=FRONT)


def tap(actor: User, lock: Lock, key: str = "") -> LockCommand:
    return request_open(
        actor=actor,
        lock=lock,
        channel=CommandChannel.PORTAL,
        idempotency_key=key,
        now=utcnow(),
    )


@pytest.mark.django_db
def test_lock_opens_and_stands_in_the_log(
    installer: User, lock: Lock, salto: FakeSalto
) -> None:
    command = tap(installer, lock)
    run_jobs()
    command.refresh_from_db()
    assert command.state == CommandState.ACKNOWLEDGED
    assert salto.opened == [FRONT]
    line = LogEntry.objects.get()
    assert (line.outcome, line.relay_name, line.device_name, line.method) == (
        "unconfirmed",
        "Gate",
        "Salto",
        "portal",
    )
    assert line.initiator == installer.name
    assert line.visit_id is not None


@pytest.mark.django_db
def test_double_tap_opens_once(installer: User, lock: Lock, salto: FakeSalto) -> None:
    first, second = tap(installer, lock, "a"), tap(installer, lock, "b")
    assert first == second
    run_jobs()
    assert tap(installer, lock, "a") == first
    run_jobs()
    assert salto.opened == [FRONT]
    assert LogEntry.objects.count() == 1
    third = tap(installer, lock, "c")
    run_jobs()
    assert third != first
    assert salto.opened == [FRONT, FRONT]


@pytest.mark.django_db
def test_key_of_another_lock_is_refused(
    installer: User, lock: Lock, account: LockAccount
) -> None:
    tap(installer, lock, "a")
    with pytest.raises(LockKeyMismatch):
        tap(installer, make_lock(account, lock.site), "a")


@pytest.mark.django_db
def test_crash_between_sending_and_answer_is_not_sent_again(
    installer: User, lock: Lock, salto: FakeSalto
) -> None:
    command = tap(installer, lock)
    # As a worker that died after it had claimed the opening.
    LockCommand.objects.update(state=CommandState.SENT, sent_at=utcnow())
    run_jobs()
    run_open(command_id=command.pk, clock=utcnow)
    assert salto.opened == []
    assert expire_openings(now=utcnow() + timedelta(seconds=19)) == 0
    assert expire_openings(now=utcnow() + timedelta(seconds=30)) == 1
    run_jobs()
    command.refresh_from_db()
    assert (command.state, command.reason) == ("timed_out", LockReason.UNKNOWN_OUTCOME)
    assert salto.opened == []
    assert LogEntry.objects.get().outcome == "no_answer"


@pytest.mark.django_db
def test_silent_vendor_is_not_asked_again(
    installer: User, lock: Lock, salto: FakeSalto, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(http, "WHOLE_SECONDS", 0.3)
    salto.troubles.append(Trouble("/locking", is_done=True, hangs=True))
    command = tap(installer, lock)
    run_jobs()
    run_open(command_id=command.pk, clock=utcnow)
    command.refresh_from_db()
    assert (command.state, command.reason) == ("timed_out", LockReason.UNKNOWN_OUTCOME)
    assert salto.opened == [FRONT]


@pytest.mark.django_db
def test_late_opening_is_not_sent(
    installer: User, lock: Lock, salto: FakeSalto
) -> None:
    command = tap(installer, lock)
    late = utcnow() + timedelta(seconds=6)
    run_open(command_id=command.pk, clock=lambda: late)
    assert expire_openings(now=late) == 1
    command.refresh_from_db()
    assert (command.state, command.reason) == ("timed_out", LockReason.TOO_LATE)
    assert salto.opened == []


@pytest.mark.django_db
def test_refusals_have_their_line(
    installer: User, lock: Lock, salto: FakeSalto
) -> None:
    salto.locks[0]["online"] = False
    tap(installer, lock)
    run_jobs()
    line = LogEntry.objects.get()
    assert (line.outcome, line.reason) == ("failed", LockReason.OFFLINE)
    request_open(
        actor=installer,
        lock=lock,
        channel=CommandChannel.APP,
        refusal=LockReason.NO_SERVICE,
        now=utcnow(),
    )
    run_jobs()
    line = LogEntry.objects.latest("pk")
    assert (line.outcome, line.reason) == ("refused", LockReason.NO_SERVICE)
    assert salto.opened == []


@pytest.mark.django_db
def test_reset_of_the_house_forgets_openings_and_keeps_locks(
    installer: User, lock: Lock, site: Site
) -> None:
    tap(installer, lock)
    run_jobs()
    reset_house(actor=installer, site=site, now=utcnow())
    assert not LockCommand.objects.exists()
    assert not LogEntry.objects.exists()
    assert Lock.objects.get(pk=lock.pk).site == site
    delete_house(actor=installer, site=site, now=utcnow())
    assert Lock.objects.get(pk=lock.pk).site is None


@pytest.mark.django_db
def test_lock_of_no_house_is_not_opened(
    installer: User, lock: Lock, account: LockAccount, salto: FakeSalto
) -> None:
    with pytest.raises(NotVisible):
        tap(installer, make_lock(account))
    command = tap(installer, lock)
    Lock.objects.update(site=None)
    run_jobs()
    command.refresh_from_db()
    assert command.state == CommandState.FAILED
    assert salto.opened == []


@pytest.mark.django_db(transaction=True)
def test_two_taps_at_once_are_one_opening() -> None:
    installer = make_installer("ida")
    lock = make_lock(make_lock_account(installer), make_site(installer, "Ryan"))
    start, made = threading.Barrier(4), []

    def at_once(key: str) -> Callable[[], None]:
        def run() -> None:
            start.wait(30)
            made.append(tap(installer, lock, key).pk)
            connection.close()

        return run

    threads = [threading.Thread(target=at_once(str(number))) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert len(made) == 4
    assert set(made) == {LockCommand.objects.get().pk}
