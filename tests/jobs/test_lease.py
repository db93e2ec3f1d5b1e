from __future__ import annotations

import threading
from datetime import timedelta

import pytest
from django.conf import settings
from django.db import connection, transaction

from portico.jobs.enums import JobState
from portico.jobs.models import Job
from portico.jobs.services import dead_letters, lease
from portico.kernel.clock import utcnow
from portico.kernel.queue import PermanentError, RetryPolicy, enqueue
from tests.factories import make_dead_letter, make_operator
from tests.plans import ON_SQLITE, plan_of, statements

pytestmark = [pytest.mark.integration, pytest.mark.django_db]
LATER = timedelta(seconds=1)
RETRY = RetryPolicy(attempts=2)


def claim(worker: str = "a", after: timedelta = LATER) -> list[Job]:
    return lease.claim(worker=worker, limit=10, now=utcnow() + after)


def test_job_exists_exactly_if_its_transaction_commits() -> None:
    with transaction.atomic():
        enqueue("tests.note", text="rolled back")
        transaction.set_rollback(True)
    enqueue("tests.note", text="kept")

    assert [job.params for job in claim()] == [{"text": "kept"}]


def test_two_orders_with_one_key_are_one_until_it_runs() -> None:
    enqueue("tests.note", unique_key="k", number=1)
    enqueue("tests.note", unique_key="k", number=2)
    assert len(claim()) == 1
    enqueue("tests.note", unique_key="k", number=3)

    assert [job.params["number"] for job in claim()] == [3]


def test_claimed_job_is_nobody_elses_until_the_lease_ends() -> None:
    enqueue("tests.note")
    [mine] = claim("a")

    assert claim("b", lease.LEASE) == []
    [theirs] = claim("b", lease.LEASE + 2 * LATER)
    assert theirs.pk == mine.pk
    assert not lease.finish(job=mine, worker="a")
    assert lease.finish(job=theirs, worker="b")
    assert not Job.objects.exists()


def test_heartbeat_keeps_the_lease() -> None:
    enqueue("tests.note")
    [mine] = claim("a")
    lease.renew(worker="a", jobs=[mine.pk], now=utcnow() + lease.LEASE)

    assert claim("b", lease.LEASE + LATER) == []


@ON_SQLITE
def test_orders_and_claims_read_none_of_the_jobs_that_only_wait() -> None:
    for number in range(3):
        enqueue("a", unique_key=f"a:{number}")
    with statements() as asked:
        enqueue("a", unique_key="a:1")
        claimed = claim()
    assert len(claimed) == 3
    found = [one for one in asked if one[0].startswith("SELECT") and "LIMIT" in one[0]]
    plans = [" ".join(plan_of(*one)) for one in found]
    assert len(plans) == 4
    assert "jobs_one_waiting_per_key (unique_key=?)" in plans[0]
    assert "jobs_running (lease_until<?)" in plans[2]
    assert "jobs_waiting (run_at<?)" in plans[3]
    assert not any("SCAN" in plan or "B-TREE" in plan for plan in plans), plans


def test_a_vanished_workers_jobs_come_first_and_no_more_are_taken_than_asked() -> None:
    for number in range(3):
        enqueue("a", number=number)
    first = lease.claim(worker="a", limit=1, now=utcnow() + LATER)
    late = utcnow() + LATER + lease.LEASE
    taken = lease.claim(worker="b", limit=2, now=late)
    assert taken[0] == first[0]
    assert len(taken) == 2


def test_job_of_the_future_waits() -> None:
    enqueue("tests.note", run_at=utcnow() + timedelta(minutes=5))

    assert claim() == []
    assert len(claim(after=timedelta(minutes=6))) == 1


def test_failure_comes_again_later_and_dies_after_its_attempts() -> None:
    enqueue("tests.fail")
    for is_dead in (False, True):
        [job] = claim(after=timedelta(hours=1))
        error = OSError("not today")
        dead = lease.fail(job=job, worker="a", error=error, retry=RETRY, now=utcnow())
        assert dead is is_dead

    job = Job.objects.get()
    assert (job.state, job.last_error) == (JobState.DEAD, "OSError: not today")


def test_hopeless_failure_dies_at_once() -> None:
    enqueue("tests.hopeless")
    [job] = claim()

    error = PermanentError("never")
    assert lease.fail(job=job, worker="a", error=error, retry=RETRY, now=utcnow())


def test_failed_job_gives_way_to_a_newer_order_of_its_key() -> None:
    enqueue("tests.fail", unique_key="k", number=1)
    [job] = claim()
    enqueue("tests.fail", unique_key="k", number=2)
    error = OSError("not today")
    lease.fail(job=job, worker="a", error=error, retry=RETRY, now=utcnow())

    assert Job.objects.get().params == {"number": 2}


def test_waits_double_up_to_the_longest() -> None:
    policy = RetryPolicy(first=timedelta(seconds=2), longest=timedelta(seconds=10))

    waits = [policy.wait(attempt).total_seconds() for attempt in range(1, 6)]
    assert waits == [2, 4, 8, 10, 10]


def test_dead_letter_is_retried_or_discarded_by_the_operator() -> None:
    operator = make_operator()
    first, second = make_dead_letter(), make_dead_letter()
    dead_letters.retry_dead_letter(actor=operator, job=first, now=utcnow())
    dead_letters.discard_dead_letter(actor=operator, job=second, now=utcnow())

    job = Job.objects.get()
    assert (job.pk, job.state, job.attempts) == (first.pk, JobState.WAITING, 0)


@pytest.mark.skipif(
    "postgres" not in settings.DATABASES["default"]["ENGINE"],
    reason="SQLite has one writer: the race cannot be",
)
@pytest.mark.django_db(transaction=True)
def test_waiting_job_is_not_claimed_while_an_equal_order_is_being_committed() -> None:
    enqueue("tests.note", unique_key="k")
    claimed: list[list[Job]] = []

    def other_worker() -> None:
        claimed.append(claim("b"))
        connection.close()

    with transaction.atomic():
        enqueue("tests.note", unique_key="k")
        thread = threading.Thread(target=other_worker)
        thread.start()
        thread.join(timeout=20)
    assert claimed == [[]]
    assert len(claim("b")) == 1
