from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _


class Receivers(models.TextChoices):
    ALL = "all", _("All users")
    SITES = "sites", _("Chosen sites")
    ONE = "one", _("One user")


class MessageState(models.TextChoices):
    """Until it is sent a message can be changed; afterwards only deleted."""

    SCHEDULED = "scheduled", _("scheduled")
    SENDING = "sending", _("being sent")
    SENT = "sent", _("sent")


class ReceiptState(models.TextChoices):
    """How far a message has come with one receiver."""

    WAITING = "waiting", _("waits for the monitor")
    SENT = "sent", _("sent")
    DELIVERED = "delivered", _("delivered")
    READ = "read", _("read")
    GIVEN_UP = "given_up", _("not delivered")
