from __future__ import annotations

from django.conf import settings
from django.db import models


class OneTimeLogin(models.Model):
    """A link that signs one account in, once."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE)
    digest = models.CharField(max_length=64, unique=True)
    created_at = models.DateTimeField()
    expires_at = models.DateTimeField()
    used_at = models.DateTimeField(null=True)

    def __str__(self) -> str:
        return f"one-time sign-in of {self.user_id}"
