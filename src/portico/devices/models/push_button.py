from __future__ import annotations

from django.db import models

from portico.devices.enums import ButtonTarget, PushModule
from portico.devices.models.device import Device
from portico.sites.models import Resident


class PushButton(models.Model):
    """One key of an expansion module at a door phone, and whom it calls (DEV-8)."""

    device = models.ForeignKey(Device, models.CASCADE, related_name="push_buttons")
    module = models.CharField(max_length=4, choices=PushModule.choices)
    # Counts from 1 within its module.
    key = models.PositiveSmallIntegerField()
    label = models.CharField(max_length=63, blank=True)
    target = models.CharField(max_length=6, choices=ButtonTarget.choices)
    resident = models.ForeignKey(
        Resident, models.CASCADE, null=True, related_name="push_buttons"
    )
    # Numbers to be called at once.
    numbers = models.JSONField(default=list)

    class Meta:
        ordering = ["module", "key"]
        constraints = [
            models.UniqueConstraint(
                fields=["device", "module", "key"], name="devices_push_button_once"
            )
        ]

    def __str__(self) -> str:
        return f"{self.module} key {self.key}"
