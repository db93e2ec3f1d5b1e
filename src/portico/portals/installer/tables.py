"""The installer's lists: which columns, which filters."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from django.conf import settings
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from portico.devices.selectors import (
    PresenceCounts,
    bridges_by_site,
    presence_by_site,
)
from portico.kernel.clock import utcnow
from portico.portals.shared.listing import Column, Filter, ListSpec
from portico.portals.shared.tables import (
    BY_PRESENCE,
    DEVICE_MODEL,
    DEVICE_NAME,
    DEVICE_SITE,
    DEVICE_STATUS,
    SITE_DEVICES,
    SITE_NAME,
    SITE_SINCE,
    moment,
)
from portico.sites.enums import AccountState, Feature, ServiceTerm
from portico.sites.rules import Service, service, smart_home_address
from portico.sites.selectors import manager_counts, people_counts
from portico.tenancy.enums import OfflineAfter

if TYPE_CHECKING:
    from portico.devices.models import Bridge, Device
    from portico.sites.models import Site


@dataclass(frozen=True, slots=True)
class SiteRow:
    """A house with what a list shows of it."""

    site: Site
    people: int
    devices: PresenceCounts | None
    bridge: Bridge | None
    service: Service
    premium: Service
    # Where the Smart Home icon leads; empty: there is none.
    smart_home: str


def service_text(held: Service) -> str:
    """The state of a service and its end, in words."""
    state = str(held.state.label)
    return f"{state}, {moment(held.ends_at)}" if held.ends_at else state


def bridge_text(bridge: Bridge | None) -> str:
    """The state of a site's bridge in a word."""
    if bridge is None:
        return _("none")
    return _("online") if bridge.is_online else _("offline")


def site_rows(sites: Sequence[Site]) -> Sequence[SiteRow]:
    """Three queries for what stands around all of ``sites``."""
    ids = [site.pk for site in sites]
    people, presence = people_counts(ids), presence_by_site(ids)
    bridges, now = bridges_by_site(ids), utcnow()
    return [
        SiteRow(
            site,
            people.get(site.pk, 0),
            presence.get(site.pk),
            bridges.get(site.pk),
            service(site.entitlements.all(), Feature.APP, now),
            service(site.entitlements.all(), Feature.PREMIUM, now),
            smart_home_address(site, settings.ENVIRONMENT.smart_home_url),
        )
        for site in sites
    ]


_BRIDGE = Filter(
    key="bridge",
    label=gettext_lazy("Bridge"),
    choices={"none": gettext_lazy("Without a bridge")},
)
SITES: ListSpec[SiteRow] = ListSpec(
    name="sites",
    columns=(
        SITE_NAME,
        Column(
            key="room",
            label=gettext_lazy("Room Name"),
            text=lambda row: row.site.room_name,
            order=("room_name",),
        ),
        Column(
            key="address",
            label=gettext_lazy("Address"),
            text=lambda row: row.site.address,
        ),
        Column(key="people", label=gettext_lazy("People"), text=lambda row: row.people),
        SITE_DEVICES,
        Column(
            key="bridge",
            label=gettext_lazy("Bridge"),
            text=lambda row: bridge_text(row.bridge),
        ),
        Column(
            key="service",
            label=gettext_lazy("Service until"),
            text=lambda row: service_text(row.service),
        ),
        Column(
            key="premium",
            label=gettext_lazy("Premium until"),
            text=lambda row: service_text(row.premium),
        ),
        SITE_SINCE,
    ),
    order="name",
    filters=(
        Filter(
            key="service",
            label=gettext_lazy("Any service"),
            choices=dict(ServiceTerm.choices),
            is_open=True,
        ),
        Filter(
            key="accounts",
            label=gettext_lazy("Any app account"),
            choices=dict(AccountState.choices),
            is_open=True,
        ),
        _BRIDGE,
    ),
    hidden=frozenset({"address", "created"}),
)


@dataclass(frozen=True, slots=True)
class CommunityRow:
    """A community with what a list shows of it."""

    site: Site
    managers: int
    devices: PresenceCounts | None
    bridge: Bridge | None


def community_rows(sites: Sequence[Site]) -> Sequence[CommunityRow]:
    """Three queries for what stands around all of ``sites``."""
    ids = [site.pk for site in sites]
    managers, presence = manager_counts(ids), presence_by_site(ids)
    bridges = bridges_by_site(ids)
    return [
        CommunityRow(
            site, managers.get(site.pk, 0), presence.get(site.pk), bridges.get(site.pk)
        )
        for site in sites
    ]


COMMUNITIES: ListSpec[CommunityRow] = ListSpec(
    name="communities",
    columns=(
        SITE_NAME,
        Column(
            key="address",
            label=gettext_lazy("Address"),
            text=lambda row: row.site.address,
        ),
        Column(
            key="managers",
            label=gettext_lazy("Property managers"),
            text=lambda row: row.managers,
        ),
        SITE_DEVICES,
        Column(
            key="bridge",
            label=gettext_lazy("Bridge"),
            text=lambda row: bridge_text(row.bridge),
        ),
        SITE_SINCE,
    ),
    order="name",
    filters=(_BRIDGE,),
    hidden=frozenset({"address", "created"}),
)


def config_text(device: Device) -> str:
    """How the device stands to its saved configuration, in a word."""
    file = getattr(device, "provisioning_file", None)
    if file is None:
        return _("not made yet")
    is_current = file.applied_revision == file.revision
    return _("in use") if is_current else _("waits")


DEVICES: ListSpec[Device] = ListSpec(
    name="devices",
    columns=(
        DEVICE_NAME,
        DEVICE_SITE,
        DEVICE_MODEL,
        Column(
            key="firmware",
            label=gettext_lazy("Firmware"),
            text=lambda device: device.firmware,
            order=("firmware",),
        ),
        DEVICE_STATUS,
        Column(key="config", label=gettext_lazy("Configuration"), text=config_text),
    ),
    order="name",
    filters=(
        BY_PRESENCE,
        Filter(
            key="config",
            label=gettext_lazy("Configuration"),
            choices={"drift": gettext_lazy("Configuration waits")},
        ),
        Filter(
            key="update",
            label=gettext_lazy("With or without update"),
            choices={"yes": gettext_lazy("Update available")},
            is_open=True,
        ),
        Filter(
            key="longer",
            label=gettext_lazy("Offline for longer than"),
            choices={str(hours): label for hours, label in OfflineAfter.choices},
        ),
        Filter(
            key="bad",
            label=gettext_lazy("Known-bad or not"),
            choices={"yes": gettext_lazy("Known-bad firmware")},
            is_open=True,
        ),
    ),
)
