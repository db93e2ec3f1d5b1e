from __future__ import annotations

from django.conf import settings
from django.db import models

from portico.devices.models import Command, Device
from portico.kernel.ids import new_id
from portico.remote.enums import EndReason
from portico.sites.models import Site


class RemoteSession(models.Model):
    """One look at a device's own web pages, by one person, for minutes (REM-2).

    Of its three secrets only digests are here: what the entry's address carries, what
    the browser's cookie holds, and what the bridge was told. The label is the first part
    of the session's host name.
    """

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    # The row outlives its device: that the session ended is still to be noted.
    device = models.ForeignKey(
        Device, models.SET_NULL, null=True, related_name="remote_sessions"
    )
    site = models.ForeignKey(Site, models.CASCADE, related_name="+")
    device_name = models.CharField(max_length=127)
    command = models.ForeignKey(Command, models.SET_NULL, null=True, related_name="+")
    opened_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+"
    )
    opened_by_name = models.CharField(max_length=127)
    opened_at = models.DateTimeField()
    expires_at = models.DateTimeField()
    attached_at = models.DateTimeField(null=True)
    entered_at = models.DateTimeField(null=True)
    ended_at = models.DateTimeField(null=True)
    ended_by_name = models.CharField(max_length=127, blank=True)
    end_reason = models.CharField(max_length=15, choices=EndReason.choices, blank=True)
    label = models.CharField(max_length=31, unique=True)
    entry_digest = models.CharField(max_length=64, blank=True)
    entry_expires_at = models.DateTimeField(null=True)
    cookie_digest = models.CharField(max_length=64, blank=True)
    bridge_digest = models.CharField(max_length=64, blank=True)
    requests = models.PositiveIntegerField(default=0)
    bytes_sent = models.PositiveBigIntegerField(default=0)

    class Meta:
        indexes = [
            models.Index(fields=["device", "-opened_at"]),
            models.Index(
                fields=["expires_at"],
                condition=models.Q(ended_at=None),
                name="remote_live_sessions",
            ),
        ]
        constraints = [
            models.UniqueConstraint(
                fields=["device"],
                condition=models.Q(ended_at=None),
                name="remote_one_live_session_per_device",
            )
        ]

    def __str__(self) -> str:
        return self.device_name

    @property
    def why(self) -> str:
        """Why it is over, in words."""
        refused = self.end_reason == EndReason.REFUSED
        if refused and self.command is not None and self.command.why:
            return self.command.why
        return self.get_end_reason_display() or str(EndReason.EXPIRED.label)

    @property
    def is_over(self) -> bool:
        return self.ended_at is not None
