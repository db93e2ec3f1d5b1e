from __future__ import annotations

from django.db import models

from portico.devices.models import Command
from portico.events.models.log_entry import LogEntry
from portico.sites.models import Site
from portico.tenancy.models import Organization


class Capture(models.Model):
    """A picture of a line of the log, from its order on; it stands in the line's visit.

    The file is in the default storage under a random name. Clips will be captures of
    another media type (VID-2).
    """

    entry = models.ForeignKey(LogEntry, models.CASCADE, related_name="captures")
    site = models.ForeignKey(Site, models.CASCADE, related_name="captures")
    organization = models.ForeignKey(Organization, models.PROTECT, related_name="+")
    # The order that brings it; two lines can wait for one.
    command = models.ForeignKey(
        Command, models.SET_NULL, null=True, related_name="captures"
    )
    ordered_at = models.DateTimeField()
    # Empty, none and 0 until it is there.
    file = models.CharField(max_length=63, blank=True)
    media_type = models.CharField(max_length=31, default="image/jpeg")
    sha256 = models.CharField(max_length=64, blank=True)
    size = models.PositiveIntegerField(default=0)
    taken_at = models.DateTimeField(null=True)

    class Meta:
        indexes = [
            models.Index(fields=["organization", "ordered_at"]),
            models.Index(fields=["file"]),
        ]

    def __str__(self) -> str:
        return f"capture {self.pk}"

    @property
    def is_coming(self) -> bool:
        """Whether its order is still under way."""
        command = self.command
        return not self.file and command is not None and not command.is_finished
