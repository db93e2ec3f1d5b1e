from __future__ import annotations

from portico.tenancy.models.organization import Membership, Organization
from portico.tenancy.models.platform import PlatformSettings

__all__ = ["Membership", "Organization", "PlatformSettings"]
