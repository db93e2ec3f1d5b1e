from __future__ import annotations

from django.db import models

from portico.kernel.fields import SealedTextField


class SipNumberSeries(models.Model):
    """Where the installation's SIP numbers come from: counted up, never reused."""

    id = models.PositiveSmallIntegerField(primary_key=True, default=1)
    next_number = models.BigIntegerField()
    last_number = models.BigIntegerField()

    def __str__(self) -> str:
        return f"{self.next_number} to {self.last_number}"


class SipAccount(models.Model):
    """A SIP number with its own password: of a house, a resident or a device."""

    number = models.CharField(max_length=15, unique=True)
    password = SealedTextField()

    def __str__(self) -> str:
        return self.number
