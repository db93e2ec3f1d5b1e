"""The lease table: enqueue, claim, renew, finish, fail. Nothing is lost, nobody waits long.

Every step is a conditional update that names the worker and the attempt, so that a worker
that was thought dead and comes back cannot touch what another has taken over.
"""

from __future__ import annotations

import random
from collections.abc import Mapping
from datetime import datetime, timedelta

from django.db import IntegrityError, connection, transaction
from django.db.models import F, Q

from portico.jobs.enums import JobState
from portico.jobs.models import Job
from portico.kernel.clock import utcnow
from portico.kernel.outbox import publish_on_commit
from portico.kernel.queue import Json, PermanentError, RetryPolicy

# A killed worker's jobs go on this long after its last heartbeat: below the 30 seconds
# that are promised, and three heartbeats long.
LEASE = timedelta(seconds=12)
HEARTBEAT = timedelta(seconds=4)
_ERROR_CHARS = 4_000


def enqueue_row(
    name: str,
    params: Mapping[str, Json],
    *,
    run_at: datetime | None,
    unique_key: str,
) -> None:
    """The queue's backend: one row in the current transaction."""
    now = utcnow()
    row = Job(
        name=name,
        params=dict(params),
        unique_key=unique_key,
        run_at=run_at or now,
        created_at=now,
    )
    if unique_key:
        _order_once(row)
    else:
        row.save(force_insert=True)
    if row.run_at <= now:
        publish_on_commit("jobs.waiting")


@transaction.atomic
def _order_once(row: Job) -> None:
    """Insert ``row``, or hold the equal order that waits until we have committed.

    Held, because a worker that claimed it now would not see what we have changed; claim
    skips locked rows, and SQLite has one writer anyway.
    """
    waiting = Job.objects.filter(unique_key=row.unique_key, state=JobState.WAITING)
    # Without this SQLite does not see that the index of the constraint is the right one.
    same = waiting.exclude(unique_key="")
    while not list(same.select_for_update().values_list("pk")[:1]):
        try:
            with transaction.atomic():
                row.save(force_insert=True)
        except IntegrityError:
            continue  # somebody else has just ordered it; hold that one
        return


def claim(*, worker: str, limit: int, now: datetime) -> list[Job]:
    """Take up to ``limit`` due jobs, those of vanished workers among them."""
    due = Q(state=JobState.WAITING, run_at__lte=now)
    orphaned = Q(state=JobState.RUNNING, lease_until__lt=now)
    if not Job.objects.filter(due | orphaned).exists():
        return []  # the usual answer, without a write lock
    with transaction.atomic():
        # Each by its index, so that it is the same however many wait.
        ids = _first(orphaned, limit, "lease_until")
        ids += _first(due, limit - len(ids), "run_at")
        Job.objects.filter(due | orphaned, pk__in=ids).update(
            state=JobState.RUNNING,
            worker=worker,
            attempts=F("attempts") + 1,
            lease_until=now + LEASE,
        )
        return list(Job.objects.filter(pk__in=ids, worker=worker).order_by("pk"))


def _first(which: Q, limit: int, order: str) -> list[int]:
    """Up to ``limit`` that no other worker takes now; they are held."""
    rows = Job.objects.filter(which).order_by(order, "pk")
    if connection.features.has_select_for_update_skip_locked:
        rows = rows.select_for_update(skip_locked=True)
    return list(rows.values_list("pk", flat=True)[:limit])


def renew(*, worker: str, jobs: list[int], now: datetime) -> None:
    """Keep the lease of what ``worker`` is still at."""
    Job.objects.filter(pk__in=jobs, worker=worker, state=JobState.RUNNING).update(
        lease_until=now + LEASE
    )


def _mine(job: Job, worker: str) -> Q:
    return Q(pk=job.pk, worker=worker, state=JobState.RUNNING, attempts=job.attempts)


def finish(*, job: Job, worker: str) -> bool:
    """The job is done; False: it had been taken over meanwhile."""
    deleted, _ = Job.objects.filter(_mine(job, worker)).delete()
    return bool(deleted)


def give_back(*, job: Job, worker: str, now: datetime) -> None:
    """Return a job that was claimed and not begun, as a stopping worker does."""
    _reschedule(job, worker, now, attempts=job.attempts - 1)


def fail(
    *, job: Job, worker: str, error: BaseException, retry: RetryPolicy, now: datetime
) -> bool:
    """Note a failure: try again later, or give up; True: it is dead now."""
    text = f"{type(error).__name__}: {error}"[:_ERROR_CHARS]
    if isinstance(error, PermanentError) or job.attempts >= retry.attempts:
        return bool(
            Job.objects.filter(_mine(job, worker)).update(
                state=JobState.DEAD, failed_at=now, last_error=text, lease_until=None
            )
        )
    wait = retry.wait(job.attempts) * random.uniform(0.8, 1.2)  # noqa: S311 -- jitter
    _reschedule(job, worker, now + wait, attempts=job.attempts, last_error=text)
    return False


def _reschedule(job: Job, worker: str, run_at: datetime, **changes: object) -> None:
    try:
        with transaction.atomic():
            Job.objects.filter(_mine(job, worker)).update(
                state=JobState.WAITING,
                run_at=run_at,
                lease_until=None,
                worker="",
                **changes,
            )
    except IntegrityError:
        # A newer order with the same key waits already; it covers this one.
        Job.objects.filter(_mine(job, worker)).delete()
