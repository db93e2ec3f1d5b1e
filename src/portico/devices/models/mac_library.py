from __future__ import annotations

from django.db import models

from portico.tenancy.models import Organization


class MacEntry(models.Model):
    """A MAC that a distributor's installers may use; used as soon as a device has it."""

    mac = models.CharField(max_length=12, unique=True)
    distributor = models.ForeignKey(
        Organization, models.PROTECT, related_name="mac_entries"
    )
    model = models.CharField(max_length=15, blank=True)
    created_at = models.DateTimeField()

    class Meta:
        indexes = [
            models.Index(fields=["distributor", "mac"]),
            # The order of the list.
            models.Index(
                fields=["distributor", "-created_at", "-id"], name="devices_macs_newest"
            ),
        ]

    def __str__(self) -> str:
        return self.mac
