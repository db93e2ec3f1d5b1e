"""What a site and its people may do."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from portico.sites.enums import Feature, ServiceState
from portico.sites.models import Entitlement


def service_state(entitlements: Iterable[Entitlement], now: datetime) -> ServiceState:
    """The state of a site's app service, from its entitlements of all times."""
    mine = [e for e in entitlements if e.feature == Feature.APP and e.starts_at <= now]
    live = [e for e in mine if e.ends_at is None or now < e.ends_at]
    if live:
        trial_only = all(entitlement.is_trial for entitlement in live)
        return ServiceState.TRIAL if trial_only else ServiceState.ACTIVE
    return ServiceState.EXPIRED if mine else ServiceState.INACTIVE


def is_served(state: ServiceState) -> bool:
    """Whether the app service answers; the devices themselves never depend on it."""
    return state in {ServiceState.ACTIVE, ServiceState.TRIAL}
