from __future__ import annotations

from datetime import datetime

from django.db.models import Count, Min, Q, QuerySet

from portico.accounts.models import User
from portico.jobs.enums import JobState
from portico.jobs.models import Job
from portico.kernel.errors import NotVisible
from portico.tenancy.enums import OrganizationKind
from portico.tenancy.selectors import organization_of


def dead_letters(actor: User) -> QuerySet[Job]:
    """Jobs that were given up, newest first; for the operator only.

    :raises NotVisible: ``actor`` is not of the operator.
    """
    organization_of(actor, OrganizationKind.OPERATOR)
    return Job.objects.filter(state=JobState.DEAD).order_by("-failed_at", "-pk")


def get_dead_letter(actor: User, job_id: int) -> Job:
    """One dead job.

    :raises NotVisible: unknown, or not for this actor.
    """
    job = dead_letters(actor).filter(pk=job_id).first()
    if job is None:
        raise NotVisible
    return job


def search_dead_letters(letters: QuerySet[Job], text: str) -> QuerySet[Job]:
    """Narrow by the job's name or its error."""
    words = text.strip()
    if not words:
        return letters
    return letters.filter(Q(name__icontains=words) | Q(last_error__icontains=words))


def counts_by_state() -> dict[str, int]:
    """How many jobs are in which state, for the metrics."""
    rows = Job.objects.values_list("state").annotate(count=Count("pk")).order_by()
    return dict(rows)


def oldest_due(now: datetime) -> datetime | None:
    """Since when the longest-waiting due job has waited; None: nobody waits."""
    due = Job.objects.filter(state=JobState.WAITING, run_at__lte=now)
    oldest: datetime | None = due.aggregate(oldest=Min("run_at"))["oldest"]
    return oldest
