"""The lists of upgrades: records of devices, campaigns, the devices of one campaign."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from django.utils.translation import gettext_lazy as _

from portico.firmware.enums import CampaignState, Projection, UpgradeState
from portico.firmware.reports import Totals, projection_of, totals_of
from portico.firmware.states import ENDED
from portico.kernel.mac import pretty_mac
from portico.portals.installer.campaign_words import LOOKS
from portico.portals.shared.listing import Column, Filter, ListSpec
from portico.portals.shared.progress import Progress
from portico.portals.shared.tables import moment, time_column
from portico.sites.enums import SiteKind

if TYPE_CHECKING:
    from django_stubs_ext import StrOrPromise

    from portico.firmware.models import DeviceUpgrade, UpgradeCampaign

_PROJECTION_COLOURS = {
    Projection.PENDING: ("grey", "clock"),
    Projection.PROCESSING: ("blue", "loader"),
    Projection.EXECUTED: ("green", "circle-check"),
}


@dataclass(frozen=True, slots=True)
class UpgradeRow:
    """The upgrade of a device as lists show it."""

    upgrade: DeviceUpgrade

    @property
    def pk(self) -> int:
        return self.upgrade.pk

    @property
    def mac(self) -> str:
        return pretty_mac(self.upgrade.device_mac)

    @property
    def projection(self) -> Projection:
        return projection_of(self.upgrade)

    @property
    def projection_look(self) -> tuple[str, str]:
        """Colour and icon; what went wrong is not green."""
        if self.projection == Projection.EXECUTED:
            return self.look
        return _PROJECTION_COLOURS[self.projection]

    @property
    def state(self) -> StrOrPromise:
        return UpgradeState(self.upgrade.state).label

    @property
    def look(self) -> tuple[str, str]:
        """Colour and icon of the exact state."""
        return LOOKS[UpgradeState(self.upgrade.state)]

    @property
    def reason(self) -> str:
        return self.upgrade.get_reason_display() if self.upgrade.reason else ""

    @property
    def is_pending(self) -> bool:
        return self.projection == Projection.PENDING

    @property
    def is_over(self) -> bool:
        return self.upgrade.state in ENDED

    @property
    def can_be_edited(self) -> bool:
        return self.upgrade.campaign.state == CampaignState.SCHEDULED

    @property
    def can_be_removed(self) -> bool:
        return self.projection != Projection.PROCESSING

    @property
    def updated_at(self) -> datetime:
        """When it was, is or will be updated."""
        row = self.upgrade
        return row.ended_at or row.installing_at or row.offered_at or row.not_before

    @property
    def changed_at(self) -> datetime:
        return self.upgrade.changed_at

    @property
    def percent(self) -> int | None:
        """How much of the image was sent, while it is."""
        row = self.upgrade
        if row.state != UpgradeState.DOWNLOADING:
            return None
        return min(100, 100 * row.bytes_sent // row.campaign.version.artifact.size)


def upgrade_rows(upgrades: Sequence[DeviceUpgrade]) -> Sequence[UpgradeRow]:
    """As they are."""
    return [UpgradeRow(one) for one in upgrades]


_DEVICE: Column[UpgradeRow] = Column(
    key="device",
    label=_("Device"),
    text=lambda row: f"{row.upgrade.device_name} {row.mac}",
    order=("device_name",),
    is_fixed=True,
)
_SITE: Column[UpgradeRow] = Column(
    key="site",
    label=_("Site"),
    text=lambda row: row.upgrade.site_name,
    order=("site_name",),
)
_STATE: Column[UpgradeRow] = Column(
    key="state", label=_("State"), text=lambda row: row.state, order=("state",)
)
_REASON: Column[UpgradeRow] = Column(
    key="reason", label=_("Reason"), text=lambda row: row.reason
)
_PROJECT = Filter(
    key="project",
    label=_("Any project type"),
    choices=dict(SiteKind.choices),
    is_open=True,
)

UPGRADES: ListSpec[UpgradeRow] = ListSpec(
    name="upgrades",
    columns=(
        Column(
            key="version",
            label=_("Version"),
            text=lambda row: row.upgrade.campaign.version,
            order=("campaign__version__version",),
            is_fixed=True,
        ),
        _DEVICE,
        _SITE,
        Column(
            key="status",
            label=_("Status"),
            text=lambda row: f"{row.projection.label}: {row.state}",
            order=("state",),
        ),
        Column(
            key="updated",
            label=_("Update Time"),
            text=lambda row: moment(row.updated_at),
        ),
        Column(
            key="created",
            label=_("Created Time"),
            text=lambda row: moment(row.upgrade.campaign.created_at),
            # They are made one after the other.
            order=("pk",),
        ),
    ),
    order="-created",
    filters=(
        Filter(key="status", label=_("Status"), choices=dict(Projection.choices)),
        _PROJECT,
        Filter(
            key="failed",
            label=_("With any result"),
            choices={"open": _("Failed, and not upgraded since")},
            is_open=True,
        ),
    ),
)

TARGETS: ListSpec[UpgradeRow] = ListSpec(
    name="upgrade-devices",
    columns=(
        _DEVICE,
        _SITE,
        Column(
            key="wave",
            label=_("Wave"),
            text=lambda row: row.upgrade.wave.number,
            order=("wave__number",),
        ),
        _STATE,
        _REASON,
        Column(
            key="tries",
            label=_("Attempts"),
            text=lambda row: row.upgrade.attempt,
            order=("attempt",),
        ),
        time_column("changed", _("Changed"), "changed_at"),
    ),
    filters=(
        Filter(
            key="state",
            label=_("Any state"),
            choices={
                "untouched": _("All that are untouched"),
                "harmed": _("All that failed or timed out"),
                **{value: label.capitalize() for value, label in UpgradeState.choices},
            },
            is_open=True,
        ),
    ),
)


@dataclass(frozen=True, slots=True)
class CampaignRow:
    """A campaign with what a list shows of it."""

    campaign: UpgradeCampaign
    totals: Totals

    @property
    def progress(self) -> Progress | None:
        """None: its devices are still being written down."""
        if self.campaign.state == CampaignState.PREPARING:
            return None
        is_open = self.campaign.ended_at is None
        return Progress(self.totals.ended, self.totals.total, is_open)

    @property
    def created_at(self) -> datetime:
        return self.campaign.created_at


def campaign_rows(campaigns: Sequence[UpgradeCampaign]) -> Sequence[CampaignRow]:
    """One query for the numbers of all."""
    totals = totals_of([one.pk for one in campaigns])
    none = Totals(0, 0, 0, 0)
    return [CampaignRow(one, totals.get(one.pk, none)) for one in campaigns]


_OPEN_STATES = {value: label.capitalize() for value, label in CampaignState.choices}
CAMPAIGNS: ListSpec[CampaignRow] = ListSpec(
    name="upgrade-campaigns",
    columns=(
        Column(
            key="name",
            label=_("Name"),
            text=lambda row: row.campaign,
            order=("name",),
            is_fixed=True,
        ),
        Column(
            key="version",
            label=_("Version"),
            text=lambda row: row.campaign.version,
            order=("version__version",),
        ),
        Column(
            key="state",
            label=_("State"),
            text=lambda row: row.campaign.get_state_display(),
            order=("state",),
        ),
        Column(key="devices", label=_("Devices"), text=lambda row: row.totals.total),
        Column(key="done", label=_("Upgraded"), text=lambda row: row.totals.succeeded),
        Column(key="failed", label=_("Failed"), text=lambda row: row.totals.failed),
        time_column("created", _("Created Time"), "created_at"),
        Column(
            key="author",
            label=_("Author"),
            text=lambda row: row.campaign.created_by_name,
            order=("created_by_name",),
        ),
    ),
    order="-created",
    filters=(
        Filter(key="state", label=_("State"), choices=_OPEN_STATES),
        _PROJECT,
    ),
    hidden=frozenset({"author"}),
)
