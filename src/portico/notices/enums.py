from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _


class NoticeKind(models.TextChoices):
    PLATFORM_UPDATE = "platform_update", _("Platform update")
    PORTAL_ENTERED = "portal_entered", _("Portal entered")
    WEB_PASSWORD = "web_password", _("Web password")
    TICKET = "ticket", _("Support")
    MODULE_CHANGED = "module_changed", _("Expansion module")
    CHARGE_FAILED = "charge_failed", _("Failed charge")
    SERVICE_EXPIRES = "service_expires", _("Expiry")
    UPGRADE_FINISHED = "upgrade_finished", _("Finished upgrade")
    UPGRADE_STOPPED = "upgrade_stopped", _("Upgrade that stopped")


# Worth a mail, for those who want notifications by mail.
IMPORTANT = frozenset(
    {
        NoticeKind.CHARGE_FAILED,
        NoticeKind.SERVICE_EXPIRES,
        NoticeKind.UPGRADE_STOPPED,
    }
)
# About company and money, which are the owner's own (ORG-1).
FOR_THOSE_WHO_ANSWER = frozenset(
    {
        NoticeKind.PORTAL_ENTERED,
        NoticeKind.TICKET,
        NoticeKind.CHARGE_FAILED,
        NoticeKind.SERVICE_EXPIRES,
    }
)


class Audience(models.TextChoices):
    """Whom the operator speaks to with an announcement."""

    ALL = "all", _("everybody")
    DISTRIBUTORS = "distributors", _("distributors and sub-distributors")
    INSTALLERS = "installers", _("installers")
