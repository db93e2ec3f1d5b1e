from __future__ import annotations

from django.db import models

from portico.devices.enums import PresenceVia
from portico.devices.models.device import Device


class Presence(models.Model):
    """Whether a device is there; narrow and apart, because it changes all the time.

    No row: never seen.
    """

    device = models.OneToOneField(
        Device, models.CASCADE, primary_key=True, related_name="presence"
    )
    is_online = models.BooleanField()
    last_seen_at = models.DateTimeField()
    changed_at = models.DateTimeField()
    via = models.CharField(max_length=7, choices=PresenceVia.choices)
    # When its SIP account was last seen registered; noted every few minutes.
    sip_at = models.DateTimeField(null=True)
    # host or host:port in the house, as the bridge found it.
    lan_address = models.CharField(max_length=63, blank=True)

    class Meta:
        indexes = [
            models.Index(
                fields=["last_seen_at"],
                condition=models.Q(is_online=True),
                name="devices_presence_online",
            )
        ]

    def __str__(self) -> str:
        return f"{self.device_id} {'online' if self.is_online else 'offline'}"
