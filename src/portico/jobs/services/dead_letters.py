"""What the operator does about jobs that were given up."""

from __future__ import annotations

from datetime import datetime

from django.db import IntegrityError, transaction

from portico.accounts.models import User
from portico.audit.services import record
from portico.jobs.enums import JobState
from portico.jobs.models import Job
from portico.kernel.outbox import publish_on_commit


@transaction.atomic
def retry_dead_letter(*, actor: User, job: Job, now: datetime) -> None:
    """Give a dead job all its attempts again, at once."""
    record(actor=actor, action="job.retried", subject=job, now=now)
    try:
        with transaction.atomic():
            Job.objects.filter(pk=job.pk, state=JobState.DEAD).update(
                state=JobState.WAITING,
                run_at=now,
                attempts=0,
                worker="",
                failed_at=None,
            )
    except IntegrityError:  # the same order waits already
        Job.objects.filter(pk=job.pk, state=JobState.DEAD).delete()
    publish_on_commit("jobs.waiting")


@transaction.atomic
def discard_dead_letter(*, actor: User, job: Job, now: datetime) -> None:
    """Give a dead job up for good; the audit log keeps what it was."""
    record(
        actor=actor,
        action="job.discarded",
        subject=job,
        before={"name": job.name, "error": job.last_error[:500]},
        now=now,
    )
    Job.objects.filter(pk=job.pk, state=JobState.DEAD).delete()
