from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _


class SiteKind(models.TextChoices):
    SINGLE_FAMILY = "single_family", _("Single-Family House")
    COMMUNITY = "community", _("Community")


class ManagerRight(models.TextChoices):
    """What a property manager may do in a community beside seeing its devices."""

    DELETE_RESIDENTS = "may_delete_residents", _("delete resident accounts")
    SEE_LOGS = "may_see_logs", _("see door and call logs")
    SEE_IMAGES = "may_see_images", _("see captured images")


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


class ServiceTerm(models.TextChoices):
    """How a house's app service stands to the next 30 days; a trial is a service, too."""

    ACTIVE = "active", _("Active for more than 30 days")
    EXPIRING = "expiring", _("Expires within 30 days")
    EXPIRED = "expired", _("Expired")
    INACTIVE = "inactive", _("Inactive")


class AccountState(models.TextChoices):
    """Registration and service of an app account: the service of those who registered."""

    UNREGISTERED = "unregistered", _("Unregistered")
    ACTIVE = ServiceTerm.ACTIVE.value, _("Active")
    EXPIRING = ServiceTerm.EXPIRING.value, _("Expires within 30 days")
    EXPIRED = ServiceTerm.EXPIRED.value, _("Expired")
    INACTIVE = ServiceTerm.INACTIVE.value, _("Inactive")


class Feature(models.TextChoices):
    """What a house can have for a time: the guide's service types (PAY-1)."""

    APP = "app", _("App")
    ADDITIONAL_APP = "additional_app", _("Additional App")
    PREMIUM = "premium", _("Premium Plan")
    VIDEO = "video", _("Video Storage")


class ClipAccess(models.TextChoices):
    """What can be done with a house's recorded clips (SITE-3)."""

    VIEW = "view", _("can be viewed")
    DOWNLOAD = "download", _("can be downloaded by the owner")
    NONE = "none", _("none")


class ClipDays(models.IntegerChoices):
    """Video Storage Time."""

    DAYS_30 = 30, _("30 Days")
    DAYS_60 = 60, _("60 Days")
    DAYS_90 = 90, _("90 Days")


class VideoStart(models.TextChoices):
    """Video Storage Plan: how a house begins with it."""

    TRIAL = "trial", _("Get a 7-day Free Trial First")
    SUBSCRIBE = "subscribe", _("Start Subscription Now (Include 7 Free Days)")
