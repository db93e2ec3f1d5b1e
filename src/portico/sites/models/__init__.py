from __future__ import annotations

from portico.sites.models.assignment import SiteAssignment
from portico.sites.models.entitlement import Entitlement
from portico.sites.models.managed_community import ManagedCommunity
from portico.sites.models.price_list import PriceList
from portico.sites.models.resident import Resident
from portico.sites.models.sip_account import SipAccount, SipNumberSeries
from portico.sites.models.site import Site
from portico.sites.models.video_plan import VideoPlan

__all__ = [
    "Entitlement",
    "ManagedCommunity",
    "PriceList",
    "Resident",
    "SipAccount",
    "SipNumberSeries",
    "Site",
    "SiteAssignment",
    "VideoPlan",
]
