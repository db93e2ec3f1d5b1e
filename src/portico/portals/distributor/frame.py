from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from portico.portals.shared.frame import Module, Portal
from portico.portals.shared.http import guard
from portico.tenancy.enums import OrganizationKind, Role

# The MAC library belongs to distributors alone (ORG-4).
_OWNS_LIBRARY = OrganizationKind.DISTRIBUTOR

DISTRIBUTOR = Portal(
    namespace="distributor",
    title=_("Distributor"),
    kinds=frozenset({OrganizationKind.DISTRIBUTOR, OrganizationKind.SUB_DISTRIBUTOR}),
    modules=(
        Module(_("Dashboard"), "layout-dashboard", "dashboard", key="d"),
        Module(_("Customers"), "building", "companies", key="c"),
        Module(_("Sites"), "building-community", "sites", key="s"),
        Module(_("Devices"), "cpu", "devices"),
        Module(
            _("MAC Library"),
            "barcode",
            "mac_library",
            kinds=frozenset({_OWNS_LIBRARY}),
        ),
        Module(_("Team"), "users", "users", roles=frozenset({Role.OWNER})),
        Module(_("Support"), "lifebuoy", "support"),
        Module(_("Setting"), "settings", "setting"),
    ),
    closing=(
        Module(_("Notification Center"), "bell", "notifications"),
        Module(_("Privacy Policy"), "shield-lock", "privacy"),
    ),
)

distributor_only = guard(DISTRIBUTOR)
library_owner_only = guard(DISTRIBUTOR, _OWNS_LIBRARY)
