from __future__ import annotations

from django.conf import settings
from django.db import models

from portico.sites.models.site import Site


class ManagedCommunity(models.Model):
    """A community that a property manager looks after, and what he may do there."""

    site = models.ForeignKey(Site, models.CASCADE, related_name="management")
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.CASCADE, related_name="managed_communities"
    )
    # Named as in ManagerRight.
    may_delete_residents = models.BooleanField(default=True)
    may_see_logs = models.BooleanField(default=True)
    may_see_images = models.BooleanField(default=True)
    assigned_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["user", "site"], name="sites_managed_once")
        ]

    def __str__(self) -> str:
        return f"{self.user_id} manages {self.site_id}"
