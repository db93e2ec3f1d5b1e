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
    APP = "app", _("app service")
