from __future__ import annotations

from django.db import models

from portico.devices.models.device import Device


class DevicePicture(models.Model):
    """The newest picture of a device's camera; the older one's file is gone."""

    device = models.OneToOneField(
        Device, models.CASCADE, primary_key=True, related_name="picture"
    )
    # In the default file storage; its name tells nothing and is nobody's to guess.
    file = models.CharField(max_length=63)
    size = models.PositiveIntegerField()
    taken_at = models.DateTimeField()

    def __str__(self) -> str:
        return f"picture of {self.device_id}"
