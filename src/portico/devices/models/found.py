from __future__ import annotations

from django.db import models

from portico.kernel.mac import pretty_mac
from portico.sites.models import Site


class FoundUnit(models.Model):
    """A unit that a house's bridge heard of or looked up, and that is nobody's there."""

    site = models.ForeignKey(Site, models.CASCADE, related_name="found_units")
    mac = models.CharField(max_length=12)
    # What it calls itself; not looked up in the catalogue.
    model = models.CharField(max_length=31, blank=True)
    firmware = models.CharField(max_length=31, blank=True)
    address = models.GenericIPAddressField()
    seen_at = models.DateTimeField()

    class Meta:
        indexes = [models.Index(fields=["seen_at"])]
        constraints = [
            models.UniqueConstraint(
                fields=["site", "mac"], name="devices_found_once_per_site"
            )
        ]

    def __str__(self) -> str:
        return self.mac

    @property
    def pretty_mac(self) -> str:
        return pretty_mac(self.mac)
