from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from portico.portals.shared.frame import Module, Portal
from portico.portals.shared.http import guard
from portico.tenancy.enums import OrganizationKind

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
        Module(_("Users"), "users", "users"),
        Module(_("Firmware"), "cpu", "firmware"),
        Module(_("Upgrade"), "cloud-upload", "upgrade"),
        Module(_("Message"), "message", "message"),
        Module(_("MAC Library"), "barcode", "mac_library"),
        Module(
            _("Subscriptions"),
            "credit-card",
            "subscriptions",
            children=(
                Module(_("Subscriptions"), "", "subscriptions"),
                Module(_("Payments"), "", "payments"),
                Module(_("Automatic Payments"), "", "automatic_payments"),
            ),
        ),
        Module(_("Integration"), "plug-connected", "integration"),
        Module(_("Setting"), "settings", "setting"),
    ),
    closing=(
        Module(_("Notification Center"), "bell", "notifications"),
        Module(_("Privacy Policy"), "shield-lock", "privacy"),
    ),
)

installer_only = guard(INSTALLER)
