from __future__ import annotations

from django.db import models

from portico.jobs.enums import JobState


class Job(models.Model):
    """Something to be done; the row is gone when it is done.

    A running job belongs to its worker until ``lease_until``; then anybody may take it.
    """

    name = models.CharField(max_length=63)
    params = models.JSONField(default=dict)
    state = models.CharField(
        max_length=7, choices=JobState.choices, default=JobState.WAITING
    )
    # At most one waiting job per key.
    unique_key = models.CharField(max_length=127, blank=True)
    run_at = models.DateTimeField()
    attempts = models.PositiveSmallIntegerField(default=0)
    lease_until = models.DateTimeField(null=True)
    worker = models.CharField(max_length=63, blank=True)
    last_error = models.TextField(blank=True)
    created_at = models.DateTimeField()
    failed_at = models.DateTimeField(null=True)

    class Meta:
        indexes = [
            models.Index(
                fields=["run_at", "id"],
                condition=models.Q(state=JobState.WAITING),
                name="jobs_waiting",
            ),
            models.Index(
                fields=["lease_until"],
                condition=models.Q(state=JobState.RUNNING),
                name="jobs_running",
            ),
        ]
        constraints = [
            models.UniqueConstraint(
                fields=["unique_key"],
                condition=models.Q(state=JobState.WAITING) & ~models.Q(unique_key=""),
                name="jobs_one_waiting_per_key",
            )
        ]

    def __str__(self) -> str:
        return f"{self.name} #{self.pk}"
