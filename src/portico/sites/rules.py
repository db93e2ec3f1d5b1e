"""What a site and its people may do."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from django.utils.translation import gettext as _

from portico.kernel.errors import DomainError
from portico.sites.enums import Feature, ServiceState
from portico.sites.errors import AdditionalAppNeeded, NotActivated
from portico.sites.models import Entitlement

# What a family master may bring along without paying (SITE-10).
FREE_MEMBERS = 3


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


def no_more_members(state: ServiceState, members: int) -> DomainError | None:
    """Why a house with ``members`` family members gets no other; None: it may have one."""
    if not is_served(state):
        return NotActivated(
            _("Family members can be added while the app service of the house runs.")
        )
    if members >= FREE_MEMBERS:
        return AdditionalAppNeeded(
            _(
                "The %(n)d free family members of this house are there. Each further one"
                " needs an Additional App, which this installation does not sell yet."
            )
            % {"n": FREE_MEMBERS}
        )
    return None
