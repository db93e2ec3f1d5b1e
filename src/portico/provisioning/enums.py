"""Enumerations of provisioning; import nothing."""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _


class AutopKind(models.TextChoices):
    REGULAR = "regular", _("Regular")
    ONE_TIME = "one_time", _("One-Time")


class AutopState(models.TextChoices):
    """What became of commands at one device."""

    WAITING = "waiting", _("waiting for its wave")
    QUEUED = "queued", _("queued")
    FETCHED = "fetched", _("fetched")
    SUPERSEDED = "superseded", _("superseded")
    LOST = "lost", _("lost by reset")
    WITHDRAWN = "withdrawn", _("withdrawn")


# They are, or will be, in a file: one-time ones until they are fetched, regular ones
# until others take their place.
LIVE = (AutopState.WAITING, AutopState.QUEUED, AutopState.FETCHED)
# Nobody has fetched them yet.
OPEN = (AutopState.WAITING, AutopState.QUEUED)
