from __future__ import annotations

from django.db import models

from portico.sites.enums import Feature
from portico.sites.models.resident import Resident
from portico.sites.models.site import Site


class Entitlement(models.Model):
    """What a site may use in ``[starts_at, ends_at)``; no end means for good."""

    site = models.ForeignKey(Site, models.CASCADE, related_name="entitlements")
    feature = models.CharField(max_length=15, choices=Feature.choices)
    # Whose it is: an Additional App is one family member's.
    resident = models.ForeignKey(
        Resident, models.CASCADE, null=True, related_name="entitlements"
    )
    starts_at = models.DateTimeField()
    ends_at = models.DateTimeField(null=True)
    is_trial = models.BooleanField(default=False)
    # What it was granted for, so that it is granted once: an order, a click.
    key = models.CharField(max_length=63, blank=True)

    class Meta:
        indexes = [models.Index(fields=["site", "feature"])]
        constraints = [
            models.UniqueConstraint(
                fields=["site", "key"],
                condition=~models.Q(key=""),
                name="sites_granted_once",
            ),
            models.CheckConstraint(
                condition=models.Q(feature=Feature.ADDITIONAL_APP)
                ^ models.Q(resident__isnull=True),
                name="sites_additional_apps_have_a_person",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.feature} of {self.site_id} until {self.ends_at or 'further'}"
