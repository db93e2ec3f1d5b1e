from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from portico.portals.shared.frame import Module, Portal
from portico.portals.shared.http import guard
from portico.tenancy.enums import OrganizationKind, Role

MANAGER = Portal(
    namespace="manager",
    title=_("Property manager"),
    kinds=frozenset({OrganizationKind.INSTALLER}),
    roles=frozenset({Role.MANAGER}),
    modules=(
        Module(
            _("Communities"),
            "building-community",
            "dashboard",
            also=("communities/", "devices/"),
            key="s",
        ),
        Module(_("Setting"), "settings", "setting"),
    ),
    closing=(
        Module(_("Notification Center"), "bell", "notifications"),
        Module(_("Privacy Policy"), "shield-lock", "privacy"),
    ),
)

manager_only = guard(MANAGER)
