from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _


class ExportState(models.TextChoices):
    WAITING = "waiting", _("waiting")
    RUNNING = "running", _("running")
    DONE = "done", _("done")
    FAILED = "failed", _("failed")
    CANCELLED = "cancelled", _("cancelled")


class ExportFormat(models.TextChoices):
    CSV = "csv", "CSV"
    JSON = "json", "JSON"


# It may still come to something.
UNDER_WAY = (ExportState.WAITING, ExportState.RUNNING)


class ExportFailure(models.TextChoices):
    """Why nothing came of it, in words for who asked."""

    STORAGE = "storage", _("The file could not be written. The disk may be full.")
    NOT_VISIBLE = "not_visible", _("You can no longer see what you asked for.")
    GIVEN_UP = "given_up", _("It stopped in the middle and was given up. Try again.")
