from __future__ import annotations

from django.conf import settings
from django.db import models


class ListChoice(models.Model):
    """Which columns of one list somebody has switched off."""

    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.CASCADE, related_name="list_choices"
    )
    name = models.CharField(max_length=31)
    hidden = models.JSONField(default=list)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["user", "name"], name="portals_shared_one_choice_per_list"
            )
        ]

    def __str__(self) -> str:
        return f"{self.name} of {self.user_id}"
