from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _


class SiteKind(models.TextChoices):
    SINGLE_FAMILY = "single_family", _("Single-Family House")
    COMMUNITY = "community", _("Community")


class CallMode(models.TextChoices):
    """SIP Call Or IP Call, in the guide's two sentences."""

    SIP = (
        "sip",
        _("Some of my devices were installed in a different place (villa or house)"),
    )
    IP = "ip", _("All my devices were installed in the same place (villa or house)")


class ResidentRole(models.TextChoices):
    MASTER = "master", _("family master")
    MEMBER = "member", _("family member")


class RegistrationState(models.TextChoices):
    UNREGISTERED = "unregistered", _("unregistered")
    REGISTERED = "registered", _("registered")


class ServiceState(models.TextChoices):
    INACTIVE = "inactive", _("inactive")
    TRIAL = "trial", _("trial")
    ACTIVE = "active", _("active")
    EXPIRED = "expired", _("expired")


class Feature(models.TextChoices):
    APP = "app", _("app service")
