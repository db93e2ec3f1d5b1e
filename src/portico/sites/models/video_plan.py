from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _

from portico.sites.enums import ClipDays, VideoStart
from portico.sites.models.site import Site


class VideoPlan(models.Model):
    """How a house stores video; it has one while Video Storage is switched on.

    Whether the service runs is said by the entitlements, which devices record by them.
    """

    site = models.OneToOneField(
        Site, models.CASCADE, primary_key=True, related_name="video_plan"
    )
    # How it began; a trial keeps clips for 30 days.
    start = models.CharField(max_length=15, choices=VideoStart.choices)
    days = models.PositiveSmallIntegerField(
        _("video storage time"), choices=ClipDays.choices, default=ClipDays.DAYS_30
    )
    device_count = models.PositiveSmallIntegerField(
        _("number of stored devices"), default=1
    )
    call_audio = models.BooleanField(
        _("video recording with audio during calls"), default=False
    )

    def __str__(self) -> str:
        return f"{self.days} days of video of {self.device_count} devices"
