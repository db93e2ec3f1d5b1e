from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _


class ImportState(models.TextChoices):
    """The life of an import: read, ordered, its houses made, its people told."""

    READY = "ready", _("checked")
    LOADING = "loading", _("loading")
    TELLING = "telling", _("sending mails")
    DONE = "done", _("done")
    UNDOING = "undoing", _("taking back")
    FAILED = "failed", _("failed, nothing was loaded")


# It is at work, or waits for a worker.
UNDER_WAY = (ImportState.LOADING, ImportState.TELLING, ImportState.UNDOING)


class Step(models.TextChoices):
    """What must be right before a house is handed over (SITE-12), in its order."""

    SEEN = "seen", _("Each device was here")
    APPLIED = "applied", _("Each device runs its configuration")
    SIP = "sip", _("Each device is registered for calls")
    CLOCK = "clock", _("Clock and time zone are right")
    OPENED = "opened", _("Each door opened and said so")
    CALL = "call", _("A test call was answered on every phone")


# These somebody has to look at; the others prove themselves.
BY_HAND = frozenset({Step.CLOCK, Step.CALL})
