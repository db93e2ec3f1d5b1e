from __future__ import annotations

from django.db import models

from portico.events.enums import EventSource


class Event(models.Model):
    """One report of a device, durable before the device was answered.

    Written by the gateway in group commits, turned into the log by the worker. No foreign
    key: an event must never be lost because its device was just deleted.
    """

    device_id = models.BigIntegerField()
    source = models.CharField(max_length=7, choices=EventSource.choices)
    kind = models.CharField(max_length=31)
    # Masked by the parser: no code, no card number.
    data = models.JSONField()
    # 16 bytes: a bridge's event id, or the fingerprint of an action URL in its second.
    dedupe = models.BinaryField(max_length=16, unique=True)
    occurred_at = models.DateTimeField()
    received_at = models.DateTimeField()
    processed_at = models.DateTimeField(null=True)

    class Meta:
        indexes = [
            models.Index(fields=["device_id", "received_at"]),
            models.Index(
                fields=["id"],
                condition=models.Q(processed_at=None),
                name="events_waiting",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.kind} of {self.device_id}"
