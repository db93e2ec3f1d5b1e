from __future__ import annotations

from django.db import models


class PlatformSettings(models.Model):
    """The operator's switches for the whole installation; one row."""

    id = models.PositiveSmallIntegerField(primary_key=True, default=1)
    app_api_enabled = models.BooleanField(default=True)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=models.Q(id=1), name="tenancy_one_platform_settings"
            )
        ]

    def __str__(self) -> str:
        return "platform settings"
