from __future__ import annotations

from django.db import models

from portico.devices.enums import RelayFunction
from portico.devices.models.device import Device


class ExternalRelay(models.Model):
    """One relay of the board that an indoor monitor drives (DEV-4)."""

    device = models.ForeignKey(Device, models.CASCADE, related_name="external_relays")
    number = models.PositiveSmallIntegerField()
    name = models.CharField(max_length=63)
    function = models.CharField(max_length=7, choices=RelayFunction.choices)

    class Meta:
        ordering = ["number"]
        constraints = [
            models.UniqueConstraint(
                fields=["device", "number"], name="devices_external_relay_once"
            )
        ]

    def __str__(self) -> str:
        return self.name
