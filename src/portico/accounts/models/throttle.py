from __future__ import annotations

from django.db import models


class ThrottleWindow(models.Model):
    """How often something was tried in the current window; rows are counted up in place."""

    key = models.CharField(max_length=127, unique=True)
    started_at = models.DateTimeField()
    count = models.PositiveIntegerField()

    def __str__(self) -> str:
        return f"{self.key}: {self.count}"
