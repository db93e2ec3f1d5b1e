from __future__ import annotations

from django.db import models

from portico.devices.models import Device
from portico.sites.models import Site
from portico.tenancy.models import Organization


class Visit(models.Model):
    """What happened at one device in one go: motion, call, attempts, opening, pictures.

    Which lines of the log belong together, ``events.rules.split_visits`` says; the worker
    keeps the rows in line with it, also when a line comes late.
    """

    site = models.ForeignKey(Site, models.CASCADE, related_name="visits")
    # The site's, once more: the order of lists over many sites needs it here.
    organization = models.ForeignKey(Organization, models.PROTECT, related_name="+")
    device = models.ForeignKey(
        Device, models.SET_NULL, null=True, related_name="visits"
    )
    # Of the first and of the last line.
    began_at = models.DateTimeField()
    ended_at = models.DateTimeField()

    class Meta:
        indexes = [
            models.Index(fields=["site", "-began_at", "-id"]),
            models.Index(fields=["device", "-began_at", "-id"]),
            models.Index(
                fields=["organization", "-began_at", "-id"],
                name="events_visits_by_company",
            ),
        ]

    def __str__(self) -> str:
        return f"visit {self.pk}"
