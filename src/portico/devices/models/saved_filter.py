from __future__ import annotations

from django.db import models

from portico.tenancy.models import Organization


class SavedFilter(models.Model):
    """A search of the list of devices that a company keeps under a name (PRV-3)."""

    organization = models.ForeignKey(
        Organization, models.CASCADE, related_name="saved_filters"
    )
    name = models.CharField(max_length=63)
    # What the address of the list asks, key by key; read again whenever it is used.
    query = models.JSONField(default=dict)
    changed_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["organization", "name"], name="devices_filter_names"
            )
        ]

    def __str__(self) -> str:
        return self.name
