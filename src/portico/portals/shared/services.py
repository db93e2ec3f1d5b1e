"""The services of one house as the portals show them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from portico.portals.shared.money import monthly_prices
from portico.sites.enums import Feature, ResidentRole
from portico.sites.rules import Service, served_people, service
from portico.sites.selectors import entitlements_of, people_of, video_plan_of

if TYPE_CHECKING:
    from datetime import datetime

    from portico.sites.models import Resident, Site


@dataclass(frozen=True, slots=True)
class ServiceLine:
    """One service of a house, or of one family member."""

    feature: Feature
    service: Service
    # What it costs a month, in words; empty: nothing.
    price: str
    # Whether the house wants it.
    is_chosen: bool
    resident: Resident | None = None
    # A family member who is free needs nothing.
    is_free: bool = False


def service_lines(site: Site, now: datetime) -> list[ServiceLine]:
    """All services that a house has, had or may have."""
    entitlements, prices = list(entitlements_of(site)), monthly_prices()
    chosen = {
        Feature.APP: True,
        Feature.PREMIUM: site.premium_plan,
        Feature.VIDEO: video_plan_of(site) is not None,
    }
    lines = [
        ServiceLine(
            feature, service(entitlements, feature, now), prices[feature], wanted
        )
        for feature, wanted in chosen.items()
    ]
    people = list(people_of(site))
    served = served_people(site, people, entitlements, now)
    for person in people:
        if person.role != ResidentRole.MEMBER:
            continue
        own = service(entitlements, Feature.ADDITIONAL_APP, now, resident_id=person.pk)
        lines.append(
            ServiceLine(
                Feature.ADDITIONAL_APP,
                own,
                prices[Feature.ADDITIONAL_APP],
                is_chosen=True,
                resident=person,
                is_free=person.pk in served and not own.is_served,
            )
        )
    return lines
