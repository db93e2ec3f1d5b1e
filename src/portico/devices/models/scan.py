from __future__ import annotations

from django.db import models

from portico.devices.models.command import Command


class NetworkScan(models.Model):
    """Where an order had a bridge look for units, and what it told when it was done."""

    command = models.OneToOneField(
        Command, models.CASCADE, primary_key=True, related_name="scan"
    )
    first = models.GenericIPAddressField(protocol="IPv4")
    last = models.GenericIPAddressField(protocol="IPv4")
    # Units that answered, those that are not the house's, those that told no MAC.
    answered = models.PositiveIntegerField(null=True)
    new = models.PositiveIntegerField(null=True)
    nameless = models.PositiveIntegerField(null=True)

    def __str__(self) -> str:
        return f"{self.first} – {self.last}"  # noqa: RUF001 -- typography
