"""The list of upgrades, device by device, and what happened to each (FW-2)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from portico.firmware.reports import search_upgrades_by
from portico.firmware.selectors import (
    failed_upgrades,
    firmware_versions,
    get_visible_campaign,
    get_visible_upgrade,
    search_upgrades,
    steps_of,
    visible_campaigns,
    visible_upgrades,
)
from portico.firmware.services.campaigns import hide_record
from portico.kernel.clock import utcnow
from portico.kernel.errors import DomainError, NotVisible
from portico.kernel.mac import mac_part
from portico.portals.installer.frame import installer_only
from portico.portals.installer.upgrade_tables import (
    CAMPAIGNS,
    UPGRADES,
    UpgradeRow,
    campaign_rows,
    upgrade_rows,
)
from portico.portals.shared.http import StaffRequest
from portico.portals.shared.listing import Filter, show_list

if TYPE_CHECKING:
    from portico.firmware.models import DeviceUpgrade


def _version_filter() -> tuple[Filter, ...]:
    names = firmware_versions().order_by("version").values_list("version", flat=True)
    choices = {name: name for name in names.distinct()}
    label = gettext_lazy("Any version")
    found = Filter(key="version", label=label, choices=choices, is_open=True)
    return (found,) if choices else ()


@installer_only
def upgrade_list(request: StaffRequest) -> HttpResponse:
    asked, actor = UPGRADES.ask(request, *_version_filter()), request.user
    found = visible_upgrades(actor)
    if asked["failed"]:
        found = failed_upgrades(actor)
    found = search_upgrades(
        found,
        status=asked["status"],
        project=asked["project"],
        version=asked.values.get("version", ""),
    )
    found = search_upgrades_by(found, text=asked.text, mac=mac_part(asked.text))
    page = "installer/upgrade/list.html"
    return show_list(request, UPGRADES, asked, found, items=upgrade_rows, page=page)


@installer_only
def campaign_list(request: StaffRequest) -> HttpResponse:
    asked = CAMPAIGNS.ask(request)
    found = visible_campaigns(request.user)
    for name in ("state", "project"):
        if asked[name]:
            found = found.filter(**{name: asked[name]})
    if asked.text:
        found = found.filter(name__icontains=asked.text)
    page = "installer/upgrade/campaigns.html"
    return show_list(request, CAMPAIGNS, asked, found, items=campaign_rows, page=page)


@installer_only
def upgrade_record(request: StaffRequest, upgrade_id: int) -> HttpResponse:
    """What happened to one device, step by step."""
    upgrade = get_visible_upgrade(request.user, upgrade_id)
    context = {
        "upgrade": upgrade,
        "row": UpgradeRow(upgrade),
        "steps": steps_of(upgrade),
        "has_campaign": _sees_campaign(request, upgrade),
    }
    return render(request, "installer/upgrade/record.html", context)


def _sees_campaign(request: StaffRequest, upgrade: DeviceUpgrade) -> bool:
    """A sub-installer sees his devices of a campaign that is not all his."""
    try:
        get_visible_campaign(request.user, upgrade.campaign_id)
    except NotVisible:
        return False
    return True


@installer_only
def upgrade_remove(request: StaffRequest, upgrade_id: int) -> HttpResponse:
    upgrade = get_visible_upgrade(request.user, upgrade_id)
    if request.method == "POST":
        try:
            hide_record(actor=request.user, upgrade=upgrade, now=utcnow())
        except DomainError as error:
            messages.error(request, str(error))
            return redirect("installer:upgrade_record", upgrade.pk)
        messages.success(request, _("The record is deleted."))
        return redirect("installer:upgrade")
    context = {"upgrade": upgrade, "row": UpgradeRow(upgrade)}
    return render(request, "installer/upgrade/remove.html", context)
