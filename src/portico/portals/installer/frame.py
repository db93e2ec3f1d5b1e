from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from portico.portals.shared.frame import Module, Portal
from portico.portals.shared.http import guard
from portico.tenancy.enums import PORTAL_ROLES, OrganizationKind, Role

_OWNER = frozenset({Role.OWNER})
_AT_HOME = PORTAL_ROLES - {Role.VISITOR}

# The guide's modules in the guide's order (NAV-1).
INSTALLER = Portal(
    namespace="installer",
    title=_("Installer"),
    kinds=frozenset({OrganizationKind.INSTALLER}),
    modules=(
        Module(_("Dashboard"), "layout-dashboard", "dashboard", key="d"),
        Module(
            _("Sites"),
            "building-community",
            "sites",
            also=("devices/", "log/"),
            key="s",
        ),
        Module(_("Users"), "users", "users", roles=_OWNER),
        Module(_("Firmware"), "cpu", "firmware"),
        Module(_("Upgrade"), "cloud-upload", "upgrade"),
        Module(_("Message"), "message", "message"),
        Module(_("MAC Library"), "barcode", "mac_library"),
        Module(
            _("Subscriptions"),
            "credit-card",
            "subscriptions",
            roles=_OWNER,
            children=(
                Module(_("Subscriptions"), "", "subscriptions"),
                Module(_("Payments"), "", "payments"),
                Module(_("Automatic Payments"), "", "automatic_payments"),
            ),
        ),
        Module(_("Integration"), "plug-connected", "integration"),
        Module(_("Setting"), "settings", "setting", also=("support/",), roles=_AT_HOME),
    ),
    closing=(
        Module(_("Notification Center"), "bell", "notifications", roles=_AT_HOME),
        Module(_("Privacy Policy"), "shield-lock", "privacy", roles=_AT_HOME),
    ),
)

installer_only = guard(INSTALLER)
# What outlives a visit, such as a bridge or a secret address, is not a visitor's.
at_home_only = guard(INSTALLER, roles=_AT_HOME)
# People, company and money are the owner's own (ORG-1).
owner_only = guard(INSTALLER, roles=_OWNER)
