from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from portico.portals.shared.frame import Module, Portal
from portico.portals.shared.http import guard
from portico.tenancy.enums import OrganizationKind, Role

OPERATOR = Portal(
    namespace="operator",
    title=_("Operator"),
    kinds=frozenset({OrganizationKind.OPERATOR}),
    modules=(
        Module(_("Overview"), "layout-dashboard", "dashboard", key="d"),
        Module(_("Companies"), "building", "companies", key="c"),
        Module(_("Sites"), "building-community", "sites", key="s"),
        Module(_("Devices"), "cpu", "devices"),
        Module(_("Firmware"), "package", "firmware"),
        Module(_("Support"), "lifebuoy", "support"),
        Module(_("Announcements"), "speakerphone", "announcements"),
        Module(_("Health"), "heart-rate-monitor", "health"),
        Module(_("Dead letters"), "mail-x", "dead_letters"),
        Module(_("Prices"), "coins", "prices"),
        Module(_("App API"), "api", "app_api"),
        Module(_("Team"), "users", "users", roles=frozenset({Role.OWNER})),
        Module(_("Setting"), "settings", "setting"),
    ),
    closing=(
        Module(_("Notification Center"), "bell", "notifications"),
        Module(_("Privacy Policy"), "shield-lock", "privacy"),
    ),
)

operator_only = guard(OPERATOR)
