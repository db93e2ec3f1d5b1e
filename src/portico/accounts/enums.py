from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _


class TimeFormat(models.TextChoices):
    HOURS_24 = "24h", _("24 hours")
    HOURS_12 = "12h", _("12 hours")


class DateFormat(models.TextChoices):
    """Order of a date's parts; the app API writes dates in the account's order."""

    YMD = "ymd", _("YYYY-MM-DD")
    DMY = "dmy", _("DD-MM-YYYY")
    MDY = "mdy", _("MM-DD-YYYY")
