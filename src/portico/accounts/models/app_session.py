from __future__ import annotations

from django.conf import settings
from django.db import models


class AppSession(models.Model):
    """One client of the app API that a resident is signed in with.

    Only digests of its three tokens are kept; a refresh replaces token and refresh token.
    """

    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.CASCADE, related_name="app_sessions"
    )
    token_digest = models.CharField(max_length=64, unique=True)
    auth_digest = models.CharField(max_length=64, unique=True)
    refresh_digest = models.CharField(max_length=64, unique=True)
    client = models.CharField(max_length=255, blank=True)
    address = models.CharField(max_length=45, blank=True)
    created_at = models.DateTimeField()
    expires_at = models.DateTimeField()
    refresh_until = models.DateTimeField()
    last_used_at = models.DateTimeField()
    revoked_at = models.DateTimeField(null=True)

    def __str__(self) -> str:
        return f"app session of {self.user_id} since {self.created_at:%Y-%m-%d}"


class PhoneCode(models.Model):
    """A sign-in code sent by SMS; the newest of a user is the only one that counts."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE)
    code_hash = models.CharField(max_length=128)
    tries_left = models.PositiveSmallIntegerField()
    created_at = models.DateTimeField()
    expires_at = models.DateTimeField()
    used_at = models.DateTimeField(null=True)

    def __str__(self) -> str:
        return f"phone code of {self.user_id}"
