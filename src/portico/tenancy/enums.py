from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _

from portico.notices.enums import Audience


class OrganizationKind(models.TextChoices):
    OPERATOR = "operator", _("platform operator")
    DISTRIBUTOR = "distributor", _("distributor")
    SUB_DISTRIBUTOR = "sub_distributor", _("sub-distributor")
    INSTALLER = "installer", _("installer")


class Role(models.TextChoices):
    OWNER = "owner", _("owner")
    STAFF = "staff", _("staff")
    # Of an installer alone: limited to the sites that are assigned to it.
    SUB_INSTALLER = "sub_installer", _("sub-installer")
    # Of an installer alone: works on communities, in a portal of its own.
    MANAGER = "manager", _("property manager")
    # Never stored: somebody of the distributor, in with the installer's consent (SET-8).
    VISITOR = "visitor", _("visitor")


class OfflineAfter(models.IntegerChoices):
    """For how many hours a device is offline before somebody should look after it."""

    HOUR = 1, _("1 hour")
    SHIFT = 8, _("8 hours")
    DAY = 24, _("24 hours")
    THREE_DAYS = 72, _("3 days")
    WEEK = 168, _("7 days")


# The portal that each kind of organisation works in, as its URL namespace.
PORTAL_OF = {
    OrganizationKind.OPERATOR: "operator",
    OrganizationKind.DISTRIBUTOR: "distributor",
    OrganizationKind.SUB_DISTRIBUTOR: "distributor",
    OrganizationKind.INSTALLER: "installer",
}
# The kinds of organisation that an announcement's audience is.
KINDS_OF: dict[str, frozenset[OrganizationKind]] = {
    Audience.ALL: frozenset(OrganizationKind),
    Audience.DISTRIBUTORS: frozenset(
        {OrganizationKind.DISTRIBUTOR, OrganizationKind.SUB_DISTRIBUTOR}
    ),
    Audience.INSTALLERS: frozenset({OrganizationKind.INSTALLER}),
}

# Who works in the portal of his own organisation; property managers have another.
PORTAL_ROLES = frozenset({Role.OWNER, Role.STAFF, Role.SUB_INSTALLER, Role.VISITOR})
