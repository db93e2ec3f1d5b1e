"""The installer's lists: which columns, which filters."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from portico.devices.selectors import (
    PresenceCounts,
    bridges_by_site,
    presence_by_site,
)
from portico.events.enums import LogKind, Outcome
from portico.kernel.clock import utcnow
from portico.portals.shared.listing import Column, Filter, ListSpec
from portico.portals.shared.tables import PRESENCE, moment, presence_text
from portico.sites.rules import service_state
from portico.sites.selectors import people_counts

if TYPE_CHECKING:
    from portico.devices.models import Bridge, Device
    from portico.events.models import LogEntry
    from portico.sites.models import Site


@dataclass(frozen=True, slots=True)
class SiteRow:
    """A house with what a list shows of it."""

    site: Site
    people: int
    devices: PresenceCounts | None
    bridge: Bridge | None
    service: str

    @property
    def bridge_text(self) -> str:
        if self.bridge is None:
            return _("none")
        return _("online") if self.bridge.is_online else _("offline")


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
            service_state(site.entitlements.all(), now),
        )
        for site in sites
    ]


SITES: ListSpec[SiteRow] = ListSpec(
    name="sites",
    columns=(
        Column(
            key="name",
            label=gettext_lazy("Name"),
            text=lambda row: row.site.name,
            order=("name",),
            is_fixed=True,
        ),
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
        Column(
            key="devices",
            label=gettext_lazy("Devices"),
            text=lambda row: row.devices.total if row.devices else 0,
        ),
        Column(
            key="bridge", label=gettext_lazy("Bridge"), text=lambda row: row.bridge_text
        ),
        Column(
            key="service", label=gettext_lazy("Service"), text=lambda row: row.service
        ),
        Column(
            key="created",
            label=gettext_lazy("Since"),
            text=lambda row: moment(row.site.created_at),
            order=("created_at",),
        ),
    ),
    order="name",
    filters=(
        Filter(
            key="bridge",
            label=gettext_lazy("Bridge"),
            choices={"none": gettext_lazy("Without a bridge")},
        ),
    ),
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
        Column(
            key="name",
            label=gettext_lazy("Device Name"),
            text=lambda device: f"{device.name} {device.pretty_mac}",
            order=("name",),
            is_fixed=True,
        ),
        Column(
            key="site",
            label=gettext_lazy("Site"),
            text=lambda device: device.site.room_name,
            order=("site__room_name",),
        ),
        Column(
            key="model",
            label=gettext_lazy("Model"),
            text=lambda device: device.model or device.reported_model,
            order=("model",),
        ),
        Column(key="status", label=gettext_lazy("Status"), text=presence_text),
        Column(key="config", label=gettext_lazy("Configuration"), text=config_text),
    ),
    order="name",
    filters=(
        Filter(key="presence", label=gettext_lazy("Status"), choices=PRESENCE),
        Filter(
            key="config",
            label=gettext_lazy("Configuration"),
            choices={"drift": gettext_lazy("Configuration waits")},
        ),
    ),
)
# Drawn as a feed, so that nothing is hidden; the columns are those of the file.
LOG: ListSpec[LogEntry] = ListSpec(
    name="log",
    columns=[
        Column(key=key, label=label, text=text, is_fixed=True)
        for key, label, text in (
            ("at", gettext_lazy("Time"), lambda one: moment(one.occurred_at)),
            ("site", gettext_lazy("Site"), lambda one: one.site.room_name),
            ("device", gettext_lazy("Device Name"), lambda one: one.device_name),
            ("door", gettext_lazy("Door"), lambda one: one.relay_name),
            ("kind", gettext_lazy("Kind"), lambda one: one.get_kind_display()),
            ("who", gettext_lazy("Who"), lambda one: one.initiator),
            ("how", gettext_lazy("How"), lambda one: one.get_method_display()),
            ("outcome", gettext_lazy("Outcome"), lambda one: one.get_outcome_display()),
            ("reason", gettext_lazy("Reason"), lambda one: one.reason),
        )
    ],
    filters=(
        Filter(
            key="kind",
            label=gettext_lazy("Everything"),
            choices=dict(LogKind.choices),
            is_open=True,
        ),
        Filter(
            key="outcome",
            label=gettext_lazy("Any outcome"),
            choices={str(value): label for value, label in Outcome.choices},
            is_open=True,
        ),
        Filter(key="from", label=gettext_lazy("From")),
        Filter(key="to", label=gettext_lazy("To")),
    ),
)
