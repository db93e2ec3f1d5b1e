from __future__ import annotations

from django.conf import settings
from django.db import models

from portico.access.enums import Repeat
from portico.devices.models import Relay
from portico.kernel.fields import SealedTextField
from portico.sites.models import Site


class TempKey(models.Model):
    """A code for a visitor: a PIN, and a QR with the same digits."""

    site = models.ForeignKey(Site, models.CASCADE, related_name="temp_keys")
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True)
    name = models.CharField(max_length=63)
    pin = SealedTextField()
    repeat = models.CharField(
        max_length=7, choices=Repeat.choices, default=Repeat.NEVER
    )
    # [starts_at, ends_at)
    starts_at = models.DateTimeField()
    ends_at = models.DateTimeField()
    uses_allowed = models.PositiveSmallIntegerField(default=1)
    uses_made = models.PositiveSmallIntegerField(default=0)
    created_at = models.DateTimeField()
    revoked_at = models.DateTimeField(null=True)
    relays = models.ManyToManyField(Relay, related_name="temp_keys")

    class Meta:
        indexes = [models.Index(fields=["site", "-created_at"])]

    def __str__(self) -> str:
        return self.name
