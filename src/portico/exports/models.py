from __future__ import annotations

import uuid

from django.conf import settings
from django.db import models

from portico.exports.enums import UNDER_WAY, ExportFailure, ExportFormat, ExportState
from portico.tenancy.models import Organization


class Export(models.Model):
    """All rows of a list as a file, made in the background for who asked for it."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    requested_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.CASCADE, related_name="exports"
    )
    # Where he worked then; elsewhere it is not his any more.
    organization = models.ForeignKey(Organization, models.CASCADE, related_name="+")
    # Which list, and what its address asked of it.
    source = models.CharField(max_length=31)
    query = models.CharField(max_length=1023, blank=True)
    format = models.CharField(max_length=7, choices=ExportFormat.choices)
    state = models.CharField(
        max_length=15, choices=ExportState.choices, default=ExportState.WAITING
    )
    failure = models.CharField(max_length=15, choices=ExportFailure.choices, blank=True)
    # Of the run that is at it; one that was taken over finds another here, and stops.
    run = models.UUIDField(null=True)
    rows_done = models.PositiveIntegerField(default=0)
    # Counted when it begins; rows that come meanwhile are not in it.
    rows_total = models.PositiveIntegerField(null=True)
    file = models.CharField(max_length=63, blank=True)
    size = models.PositiveBigIntegerField(default=0)
    requested_at = models.DateTimeField()
    # The last sign of life.
    touched_at = models.DateTimeField()
    finished_at = models.DateTimeField(null=True)

    class Meta:
        indexes = [
            models.Index(fields=["requested_by", "-requested_at"]),
            models.Index(fields=["requested_at"]),
            models.Index(
                fields=["touched_at"],
                condition=models.Q(state__in=UNDER_WAY),
                name="exports_under_way",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.source}.{self.format}"

    @property
    def is_under_way(self) -> bool:
        """Whether it may still come to something."""
        return self.state in UNDER_WAY
