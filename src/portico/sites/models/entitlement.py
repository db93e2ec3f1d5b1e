from __future__ import annotations

from django.db import models

from portico.sites.enums import Feature
from portico.sites.models.site import Site


class Entitlement(models.Model):
    """What a site may use in ``[starts_at, ends_at)``; no end means for good."""

    site = models.ForeignKey(Site, models.CASCADE, related_name="entitlements")
    feature = models.CharField(max_length=15, choices=Feature.choices)
    starts_at = models.DateTimeField()
    ends_at = models.DateTimeField(null=True)
    is_trial = models.BooleanField(default=False)

    class Meta:
        indexes = [models.Index(fields=["site", "feature"])]

    def __str__(self) -> str:
        return f"{self.feature} of {self.site_id} until {self.ends_at or 'further'}"
