from __future__ import annotations

from portico.tenancy.models.organization import (
    CompanySettings,
    Membership,
    Organization,
    PortalVisit,
)
from portico.tenancy.models.platform import PlatformSettings

__all__ = [
    "CompanySettings",
    "Membership",
    "Organization",
    "PlatformSettings",
    "PortalVisit",
]
