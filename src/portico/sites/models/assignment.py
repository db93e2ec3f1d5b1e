from __future__ import annotations

from django.conf import settings
from django.db import models

from portico.sites.models.site import Site


class SiteAssignment(models.Model):
    """A site that a sub-installer may work on."""

    site = models.ForeignKey(Site, models.CASCADE, related_name="assignments")
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.CASCADE, related_name="site_assignments"
    )
    assigned_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["user", "site"], name="sites_assigned_once")
        ]

    def __str__(self) -> str:
        return f"{self.user_id} works on {self.site_id}"
