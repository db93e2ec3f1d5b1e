"""Enumerations of the remote app."""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _


class EndReason(models.TextChoices):
    """Why a session is over."""

    ENDED = "ended", _("ended by hand")
    EXPIRED = "expired", _("its time was over")
    REPLACED = "replaced", _("opened again")
    BRIDGE_GONE = "bridge_gone", _("the bridge's connection broke")
    REFUSED = "refused", _("the bridge could not open it")
    DEVICE_REMOVED = "device_removed", _("the device was deleted")
    BRIDGE_REMOVED = "bridge_removed", _("the bridge was removed")
    RIGHT_LOST = "right_lost", _("who opened it may no longer see the device")
