from __future__ import annotations

from django.db import models

from portico.devices.enums import DenialReason
from portico.devices.models.device import Device


class AccessWipe(models.Model):
    """That a unit's codes, cards and faces are to go, and whether they have (SITE-8)."""

    device = models.OneToOneField(
        Device, models.CASCADE, primary_key=True, related_name="wipe"
    )
    ordered_at = models.DateTimeField()
    # When the unit said so, or somebody who did it there by hand.
    done_at = models.DateTimeField(null=True)
    # Why it did not work the last time: a value of DenialReason.
    reason = models.CharField(max_length=31, blank=True)
    # Not tried again before.
    next_try_at = models.DateTimeField()

    class Meta:
        indexes = [
            models.Index(
                fields=["next_try_at"],
                condition=models.Q(done_at=None),
                name="devices_wipes_waiting",
            )
        ]

    def __str__(self) -> str:
        return f"wipe of {self.device_id}"

    @property
    def why(self) -> str:
        """Why it did not work the last time, in words; empty: it was not tried."""
        known = self.reason in DenialReason.values
        return str(DenialReason(self.reason).label) if known else ""
