from __future__ import annotations

import uuid

from django.db import models

from portico.sites.models import Site


class Bridge(models.Model):
    """An always-on box in a house that speaks the devices' local API for us."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    site = models.ForeignKey(Site, models.CASCADE, related_name="bridges")
    name = models.CharField(max_length=63)
    # SHA-256 of the single-use token; it stays after use, so that the same box may
    # repeat an enrolment whose answer it lost.
    token_digest = models.CharField(max_length=64, unique=True)
    token_expires_at = models.DateTimeField()
    # base64url of the raw Ed25519 public key; empty until enrolled.
    public_key = models.CharField(max_length=43, blank=True)
    enrolled_at = models.DateTimeField(null=True)
    revoked_at = models.DateTimeField(null=True)
    version = models.CharField(max_length=31, blank=True)
    # Base address of its listener for action URLs, as the devices reach it.
    lan_url = models.CharField(max_length=127, blank=True)
    is_online = models.BooleanField(default=False)
    last_seen_at = models.DateTimeField(null=True)
    # Which session of which gateway process serves it; a newer session takes over.
    session = models.CharField(max_length=63, blank=True)
    created_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["site"],
                condition=models.Q(revoked_at=None),
                name="devices_one_bridge_per_site",
            )
        ]

    def __str__(self) -> str:
        return self.name
