from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _


class Repeat(models.TextChoices):
    NEVER = "never", _("Never")
