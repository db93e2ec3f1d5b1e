"""Firmware: the versions that the operator offers, and one's own devices (FW-1)."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from django.db.models import QuerySet
from django.http import HttpResponse
from django.shortcuts import render
from django.urls import reverse

from portico.devices.selectors import devices_to_sort
from portico.firmware.newest import newest_versions
from portico.firmware.running import bad_counts, older, running_counts
from portico.firmware.selectors import get_version
from portico.portals.installer.frame import installer_only
from portico.portals.shared.firmware import (
    BY_STATE,
    CREATED,
    LOG,
    MODEL,
    RUNNING,
    STATE,
    VERSION,
    VersionRow,
    by_model,
    find_versions,
    model_name,
    version_rows,
)
from portico.portals.shared.http import StaffRequest
from portico.portals.shared.listing import ListSpec, show_list

if TYPE_CHECKING:
    from portico.devices.models import Device
    from portico.firmware.models import FirmwareVersion

VERSIONS: ListSpec[VersionRow] = ListSpec(
    name="firmware",
    columns=(VERSION, MODEL, LOG, CREATED, RUNNING, STATE),
    order="-created",
    filters=(BY_STATE,),
)


@installer_only
def firmware(request: StaffRequest) -> HttpResponse:
    asked = VERSIONS.ask(request, by_model())
    rows = partial(version_rows, devices_to_sort(request.user))
    page = "installer/firmware/list.html"
    return show_list(
        request, VERSIONS, asked, find_versions(asked), page=page, items=rows
    )


@installer_only
def firmware_version(request: StaffRequest, version_id: int) -> HttpResponse:
    version = get_version(version_id)
    mine = devices_to_sort(request.user)
    newest = newest_versions([version.model]).get(version.model)
    context = {
        "version": version,
        "model": model_name(version),
        "running": running_counts(mine, [version])[version.pk],
        "older": older(mine, version).count(),
        "newest": newest if newest != version else None,
        # To what it is best left for, or to itself.
        "upgrade": upgrade_address(newest if version.known_bad else version),
    }
    return render(request, "installer/firmware/version.html", context)


@dataclass(frozen=True, slots=True)
class Offer:
    """A version that devices are best upgraded to, and where that begins."""

    version: FirmwareVersion
    address: str


@dataclass(frozen=True, slots=True)
class BadNews:
    """How many devices run a version that is known to be bad, and the ways out."""

    total: int
    offers: list[Offer]


def bad_news(devices: QuerySet[Device]) -> BadNews:
    """One query if all is well, two if not."""
    counts = bad_counts(devices)
    newest = newest_versions(counts) if counts else {}
    found = [Offer(one, upgrade_address(one)) for one in newest.values()]
    return BadNews(sum(counts.values()), [one for one in found if one.address])


def upgrade_address(version: FirmwareVersion | None) -> str:
    """Where an upgrade to ``version`` begins; empty: there is none to have."""
    if version is None or version.known_bad:
        return ""
    return f"{reverse('installer:upgrade_new')}?version={version.pk}"
