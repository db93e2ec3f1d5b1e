"""The lists that several portals have: which columns, which filters."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from portico.devices.selectors import PresenceCounts, presence_by_site
from portico.kernel.mac import pretty_mac
from portico.portals.shared.listing import Column, Filter, ListSpec
from portico.sites.selectors import communities_by_manager, site_counts
from portico.tenancy.enums import OrganizationKind

if TYPE_CHECKING:
    from django_stubs_ext import StrOrPromise

    from portico.devices.models import Device
    from portico.devices.selectors.mac_library import UsedMacEntry
    from portico.sites.models import Site
    from portico.tenancy.models import Membership, Organization

COMPANY_KINDS = {
    OrganizationKind.DISTRIBUTOR.value: gettext_lazy("Distributors"),
    OrganizationKind.SUB_DISTRIBUTOR.value: gettext_lazy("Sub-distributors"),
    OrganizationKind.INSTALLER.value: gettext_lazy("Installers"),
}


def kinds_below(kind: str) -> dict[str, StrOrPromise]:
    """The kinds of company that may be below one of ``kind``, and what they are called."""
    chain = list(OrganizationKind)
    below = chain[chain.index(OrganizationKind(kind)) + 1 :]
    return {one: label for one, label in COMPANY_KINDS.items() if one in below}


PRESENCE = {
    "online": gettext_lazy("Online"),
    "offline": gettext_lazy("Offline"),
    "never": gettext_lazy("Never seen"),
}


def moment(value: datetime | None) -> str:
    """``value`` for a file, in the viewer's zone."""
    return timezone.localtime(value).isoformat() if value else ""


def time_column(key: str, label: StrOrPromise, field: str) -> Column[Any]:
    """A column of the moment in ``field`` of a row, sorted by it."""
    return Column(
        key=key,
        label=label,
        text=lambda row: moment(getattr(row, field)),
        order=(field,),
    )


def yes_no(*, value: bool) -> str:
    """``value`` for a file."""
    return _("yes") if value else _("no")


def presence_text(device: Device) -> str:
    """The presence of a device in a word."""
    seen = getattr(device, "presence", None)
    if seen is None:
        return _("never seen")
    return _("online") if seen.is_online else _("offline")


# Columns of lists of devices, whoever they are shown to.
DEVICE_NAME: Column[Device] = Column(
    key="name",
    label=gettext_lazy("Device Name"),
    text=lambda device: f"{device.name} {device.pretty_mac}",
    order=("name",),
    is_fixed=True,
)
DEVICE_SITE: Column[Device] = Column(
    key="site",
    label=gettext_lazy("Site"),
    text=lambda device: device.site.room_name,
    order=("site__room_name",),
)
DEVICE_MODEL: Column[Device] = Column(
    key="model",
    label=gettext_lazy("Model"),
    text=lambda device: device.model or device.reported_model,
    order=("model",),
)
DEVICE_STATUS: Column[Device] = Column(
    key="status", label=gettext_lazy("Status"), text=presence_text
)
BY_PRESENCE = Filter(key="presence", label=gettext_lazy("Status"), choices=PRESENCE)
# Columns of lists of sites: rows with ``site`` and ``devices``.
SITE_NAME: Column[Any] = Column(
    key="name",
    label=gettext_lazy("Name"),
    text=lambda row: row.site.name,
    order=("name",),
    is_fixed=True,
)
SITE_DEVICES: Column[Any] = Column(
    key="devices",
    label=gettext_lazy("Devices"),
    text=lambda row: row.devices.total if row.devices else 0,
)
SITE_SINCE: Column[Any] = Column(
    key="created",
    label=gettext_lazy("Since"),
    text=lambda row: moment(row.site.created_at),
    order=("created_at",),
)


@dataclass(frozen=True, slots=True)
class CompanyRow:
    """A company with what a list shows of it."""

    company: Organization
    sites: int


def company_rows(companies: Sequence[Organization]) -> Sequence[CompanyRow]:
    """One query for the counts of all."""
    counts = site_counts([company.pk for company in companies])
    return [CompanyRow(company, counts.get(company.pk, 0)) for company in companies]


COMPANIES: ListSpec[CompanyRow] = ListSpec(
    name="companies",
    columns=(
        Column(
            key="name",
            label=gettext_lazy("Company"),
            text=lambda row: row.company.name,
            order=("name",),
            is_fixed=True,
        ),
        Column(
            key="kind",
            label=gettext_lazy("Kind"),
            text=lambda row: row.company.get_kind_display(),
        ),
        Column(
            key="parent",
            label=gettext_lazy("Buys from"),
            text=lambda row: row.company.parent,
            order=("parent__name",),
        ),
        Column(key="sites", label=gettext_lazy("Sites"), text=lambda row: row.sites),
        Column(
            key="pay",
            label=gettext_lazy("May pay"),
            text=lambda row: yes_no(value=row.company.may_pay),
        ),
        Column(
            key="created",
            label=gettext_lazy("Since"),
            text=lambda row: moment(row.company.created_at),
            order=("created_at",),
        ),
    ),
    order="name",
    filters=(
        Filter(
            key="invitation",
            label=gettext_lazy("Invitation"),
            choices={"open": gettext_lazy("Invitation not accepted")},
        ),
    ),
)


@dataclass(frozen=True, slots=True)
class SiteBelowRow:
    """A site of a company below, with the presence of its devices."""

    site: Site
    devices: PresenceCounts | None


def sites_below_rows(sites: Sequence[Site]) -> Sequence[SiteBelowRow]:
    """One query for the devices of all."""
    presence = presence_by_site([site.pk for site in sites])
    return [SiteBelowRow(site, presence.get(site.pk)) for site in sites]


SITES_BELOW: ListSpec[SiteBelowRow] = ListSpec(
    name="sites-below",
    columns=(
        Column(
            key="room",
            label=gettext_lazy("Room Name"),
            text=lambda row: row.site.room_name,
            order=("room_name",),
            is_fixed=True,
        ),
        Column(
            key="installer",
            label=gettext_lazy("Installer"),
            text=lambda row: row.site.organization,
            order=("organization__name",),
        ),
        SITE_DEVICES,
        SITE_SINCE,
    ),
    order="room",
)
DEVICES_BELOW: ListSpec[Device] = ListSpec(
    name="devices-below",
    columns=(
        DEVICE_NAME,
        DEVICE_SITE,
        Column(
            key="installer",
            label=gettext_lazy("Installer"),
            text=lambda device: device.site.organization,
            order=("site__organization__name",),
        ),
        DEVICE_MODEL,
        DEVICE_STATUS,
    ),
    order="name",
    filters=(BY_PRESENCE,),
)


@dataclass(frozen=True, slots=True)
class PersonRow:
    """Somebody of a company; of a property manager the communities, too."""

    member: Membership
    communities: Sequence[str] = ()


def person_rows(members: Sequence[Membership]) -> Sequence[PersonRow]:
    """Rows for people who manage no communities."""
    return [PersonRow(member) for member in members]


def manager_rows(members: Sequence[Membership]) -> Sequence[PersonRow]:
    """One query for the communities of all."""
    names = communities_by_manager([member.user_id for member in members])
    return [PersonRow(member, names.get(member.user_id, ())) for member in members]


_STATE: Column[PersonRow] = Column(
    key="state",
    label=gettext_lazy("State"),
    text=lambda row: _("active") if row.member.user.is_active else _("disabled"),
)
PEOPLE: ListSpec[PersonRow] = ListSpec(
    name="people",
    columns=(
        Column(
            key="name",
            label=gettext_lazy("Name"),
            text=lambda row: row.member.user.name or row.member.user.username,
            order=("user__name",),
            is_fixed=True,
        ),
        Column(
            key="email",
            label=gettext_lazy("Email"),
            text=lambda row: row.member.user.email or "",
            order=("user__email",),
        ),
        _STATE,
    ),
    order="name",
)
MANAGERS: ListSpec[PersonRow] = ListSpec(
    name="managers",
    columns=(
        *PEOPLE.columns[:2],
        Column(
            key="communities",
            label=gettext_lazy("Communities"),
            text=lambda row: ", ".join(row.communities),
        ),
        _STATE,
    ),
    order="name",
)


@dataclass(frozen=True, slots=True)
class MacRow:
    """A MAC, and the reader's own device that uses it."""

    entry: UsedMacEntry
    device: Device | None = None


def mac_rows(entries: Sequence[UsedMacEntry]) -> Sequence[MacRow]:
    """Rows for a reader who has no devices."""
    return [MacRow(entry) for entry in entries]


MACS: ListSpec[MacRow] = ListSpec(
    name="mac-library",
    columns=(
        Column(
            key="mac",
            label=gettext_lazy("MAC"),
            text=lambda row: pretty_mac(row.entry.mac),
            order=("mac",),
            is_fixed=True,
        ),
        Column(
            key="model",
            label=gettext_lazy("Model"),
            text=lambda row: row.entry.model,
            order=("model", "mac"),
        ),
        Column(
            key="state",
            label=gettext_lazy("State"),
            text=lambda row: "used" if row.entry.is_used else "free",
        ),
        Column(
            key="created",
            label=gettext_lazy("Registered"),
            text=lambda row: moment(row.entry.created_at),
            order=("created_at",),
        ),
    ),
    order="-created",
    filters=(
        Filter(
            key="state",
            label=gettext_lazy("State"),
            choices={"free": gettext_lazy("Free"), "used": gettext_lazy("Used")},
        ),
    ),
)
