from __future__ import annotations

import uuid

from django.conf import settings
from django.db import models

from portico.devices.enums import (
    BRIDGE_REASONS,
    CAMERA_REASONS,
    DEVICE_ORDERS,
    OPEN_STATES,
    CommandChannel,
    CommandKind,
    CommandState,
    DenialReason,
)
from portico.devices.models.bridge import Bridge
from portico.devices.models.camera import Camera
from portico.devices.models.device import Device
from portico.devices.models.relay import Relay


class Command(models.Model):
    """An order to a device and what became of it; every hop has its time.

    Or to a third-party camera, which its house's bridge looks at, or to the bridge itself.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    device = models.ForeignKey(
        Device, models.CASCADE, null=True, related_name="commands"
    )
    camera = models.ForeignKey(
        Camera, models.CASCADE, null=True, related_name="commands"
    )
    bridge = models.ForeignKey(
        Bridge, models.CASCADE, null=True, related_name="commands"
    )
    relay = models.ForeignKey(
        Relay, models.SET_NULL, null=True, related_name="commands"
    )
    kind = models.CharField(max_length=31, choices=CommandKind.choices)
    state = models.CharField(max_length=15, choices=CommandState.choices)
    reason = models.CharField(max_length=31, blank=True)
    requested_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True
    )
    requested_by_name = models.CharField(max_length=127)
    channel = models.CharField(max_length=7, choices=CommandChannel.choices)
    idempotency_key = models.CharField(max_length=63, blank=True)
    requested_at = models.DateTimeField()
    # Nobody starts it after this moment, and nobody waits much longer.
    expires_at = models.DateTimeField()
    sent_at = models.DateTimeField(null=True)
    acknowledged_at = models.DateTimeField(null=True)
    confirmed_at = models.DateTimeField(null=True)
    finished_at = models.DateTimeField(null=True)

    class Meta:
        indexes = [
            models.Index(fields=["device", "-requested_at"]),
            models.Index(
                fields=["expires_at"],
                condition=models.Q(state__in=OPEN_STATES),
                name="devices_open_commands",
            ),
        ]
        constraints = [
            models.UniqueConstraint(
                fields=["requested_by", "idempotency_key"],
                condition=~models.Q(idempotency_key=""),
                name="devices_command_key_once",
            ),
            models.UniqueConstraint(
                fields=["relay"],
                condition=models.Q(state__in=OPEN_STATES),
                name="devices_one_open_command_per_relay",
            ),
            models.UniqueConstraint(
                fields=["device", "kind"],
                condition=models.Q(state__in=OPEN_STATES, kind__in=DEVICE_ORDERS),
                name="devices_one_open_order_per_kind",
            ),
            models.UniqueConstraint(
                fields=["camera"],
                condition=models.Q(state__in=OPEN_STATES),
                name="devices_one_open_order_per_camera",
            ),
            models.UniqueConstraint(
                fields=["bridge"],
                condition=models.Q(state__in=OPEN_STATES),
                name="devices_one_open_order_per_bridge",
            ),
            models.CheckConstraint(
                condition=models.Q(device__isnull=False, camera=None, bridge=None)
                | models.Q(device=None, camera__isnull=False, bridge=None)
                | models.Q(device=None, camera=None, bridge__isnull=False),
                name="devices_command_of_one",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.kind} → {self.target}: {self.state}"

    @property
    def target(self) -> Device | Camera | Bridge:
        """What the order is for; a constraint sees to it that there is one."""
        target = self.device or self.camera or self.bridge
        if target is None:
            raise ValueError(self.pk)
        return target

    @property
    def why(self) -> str:
        """Why it came to nothing, as a sentence."""
        if self.reason not in DenialReason.values:
            return self.reason
        reason = DenialReason(self.reason)
        words = CAMERA_REASONS if self.camera_id else BRIDGE_REASONS
        own = None if self.device_id else words.get(reason)
        return str(own or reason.label)

    @property
    def is_finished(self) -> bool:
        """Nothing but the device's own confirmation can still change it."""
        return self.state not in OPEN_STATES

    @property
    def latency_ms(self) -> int | None:
        """From the tap to the best evidence that the door opened."""
        opened = self.confirmed_at or self.acknowledged_at
        if opened is None:
            return None
        return max(0, round((opened - self.requested_at).total_seconds() * 1000))
