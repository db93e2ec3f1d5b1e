"""The list of firmware versions, as every portal that has one shows it (FW-1)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from django.db.models import QuerySet
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from portico.devices.catalogue import all_models
from portico.firmware.newest import search_versions
from portico.firmware.running import running_counts
from portico.firmware.selectors import firmware_versions
from portico.portals.shared.listing import Asked, Column, Filter
from portico.portals.shared.tables import moment

if TYPE_CHECKING:
    from portico.devices.models import Device
    from portico.firmware.models import FirmwareVersion


@dataclass(frozen=True, slots=True)
class VersionRow:
    """A version, and how many of the reader's devices run it."""

    version: FirmwareVersion
    count: int

    @property
    def first_line(self) -> str:
        """What the list shows of the version log."""
        return self.version.log.strip().partition("\n")[0]


VERSION: Column[VersionRow] = Column(
    key="version",
    label=gettext_lazy("Version"),
    text=lambda row: row.version.version,
    is_fixed=True,
)
MODEL: Column[VersionRow] = Column(
    key="model",
    label=gettext_lazy("Model"),
    text=lambda row: row.version.model,
    order=("model", "-created_at"),
)
LOG: Column[VersionRow] = Column(
    key="log", label=gettext_lazy("Version Log"), text=lambda row: row.version.log
)
SIZE: Column[VersionRow] = Column(
    key="size",
    label=gettext_lazy("Size"),
    text=lambda row: row.version.artifact.size,
    order=("artifact__size",),
)
CREATED: Column[VersionRow] = Column(
    key="created",
    label=gettext_lazy("Created Time"),
    text=lambda row: moment(row.version.created_at),
    order=("created_at",),
)
STATE: Column[VersionRow] = Column(
    key="state",
    label=gettext_lazy("State"),
    text=lambda row: row.version.known_bad or _("offered"),
)
RUNNING: Column[VersionRow] = Column(
    key="running", label=gettext_lazy("Devices"), text=lambda row: row.count
)
BY_STATE = Filter(
    key="bad",
    label=gettext_lazy("State"),
    choices={"no": gettext_lazy("Offered"), "yes": gettext_lazy("Known to be bad")},
)


def by_model() -> Filter:
    """The models of the catalogue, to narrow by."""
    models = {key: model.name for key, model in all_models().items()}
    label = gettext_lazy("Any model")
    return Filter(key="model", label=label, choices=models, is_open=True)


def find_versions(asked: Asked) -> QuerySet[FirmwareVersion]:
    """The versions that an address asks for."""
    return search_versions(
        firmware_versions(),
        text=asked.text,
        model=asked["model"],
        bad=asked["bad"],
    )


def version_rows(
    devices: QuerySet[Device], versions: Sequence[FirmwareVersion]
) -> Sequence[VersionRow]:
    """One query for the devices of all."""
    counts = running_counts(devices, versions)
    return [VersionRow(one, counts[one.pk]) for one in versions]


def model_name(version: FirmwareVersion) -> str:
    """What people call the model; an entry may have gone from the catalogue since."""
    model = all_models().get(version.model)
    return model.name if model else version.model
