from __future__ import annotations

from django.conf import settings
from django.db import models


class PortalSession(models.Model):
    """A browser that somebody is signed in with; Django's own session lies behind it."""

    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.CASCADE, related_name="portal_sessions"
    )
    session_key = models.CharField(max_length=40, unique=True)
    agent = models.CharField(max_length=255, blank=True)
    address = models.CharField(max_length=45, blank=True)
    created_at = models.DateTimeField()
    last_seen_at = models.DateTimeField()

    def __str__(self) -> str:
        return f"portal session of {self.user_id} since {self.created_at:%Y-%m-%d}"


class TrustedBrowser(models.Model):
    """A browser that is not asked for the second step of signing in until it expires.

    The browser holds the secret in a cookie, this row its digest.
    """

    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.CASCADE, related_name="trusted_browsers"
    )
    digest = models.CharField(max_length=64, unique=True)
    agent = models.CharField(max_length=255, blank=True)
    address = models.CharField(max_length=45, blank=True)
    created_at = models.DateTimeField()
    expires_at = models.DateTimeField()

    def __str__(self) -> str:
        return f"browser trusted by {self.user_id} until {self.expires_at:%Y-%m-%d}"
