"""Ordering an upgrade, simple or as a campaign, and changing one that waits (FW-2, 3)."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Any

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from portico.devices.selectors import get_visible_device, visible_devices
from portico.firmware.enums import CampaignState
from portico.firmware.reports import shares_of
from portico.firmware.selectors import (
    failed_devices,
    get_visible_campaign,
    upgrades_of,
)
from portico.firmware.services.campaigns import change_pending, order_upgrade
from portico.kernel.clock import utcnow
from portico.kernel.errors import DomainError, NotVisible
from portico.kernel.ids import new_id
from portico.portals.installer.device_search import saved_filter
from portico.portals.installer.forms.choosing import CHOSEN, GIVEN, SAVED, Given
from portico.portals.installer.forms.upgrade import UpgradeDraft
from portico.portals.installer.forms.upgrade_wizard import (
    Beginning,
    UpgradeWizard,
    first_values,
    values_of,
)
from portico.portals.installer.frame import installer_only
from portico.portals.shared.http import StaffRequest
from portico.portals.shared.lists import plain, read_uuid

if TYPE_CHECKING:
    from portico.devices.models import Device
    from portico.firmware.models import UpgradeCampaign


@installer_only
def upgrade_new(request: StaffRequest) -> HttpResponse:
    draft = UpgradeDraft(
        request.POST or None,
        actor=request.user,
        version=request.GET.get("version", "")[:18],
        device=_device(request),
    )
    return _simple(request, draft, None)


def _device(request: StaffRequest) -> Device | None:
    mac = plain(request.GET.get("device", ""), 12)
    return get_visible_device(request.user, mac) if mac else None


def _simple(
    request: StaffRequest, draft: UpgradeDraft, campaign: UpgradeCampaign | None
) -> HttpResponse:
    if not draft.act and draft.is_valid():
        try:
            made = _order(request, draft, campaign)
        except DomainError as error:
            draft.blame(error)
        else:
            return redirect("installer:campaign", made.pk)
    context = {"draft": draft, "form": draft.form, "campaign": campaign}
    return render(request, "installer/upgrade/form.html", context)


def _order(
    request: StaffRequest,
    draft: UpgradeDraft | UpgradeWizard,
    campaign: UpgradeCampaign | None,
) -> UpgradeCampaign:
    ids = draft.devices() if isinstance(draft, UpgradeDraft) else draft.device_ids()
    asked: dict[str, Any] = {
        "actor": request.user,
        "devices": ids,
        "plan": draft.plan(),
        "now": utcnow(),
    }
    if campaign is None:
        made = order_upgrade(**asked)
        messages.success(request, _("The upgrade is ordered."))
        return made
    change_pending(campaign=campaign, **asked)
    messages.success(request, _("Saved."))
    return campaign


@installer_only
def upgrade_wizard(request: StaffRequest) -> HttpResponse:
    if request.GET.get("follows"):
        beginning = _again(request, request.GET["follows"])
    else:
        beginning = _fresh(request)
    wizard = UpgradeWizard(
        request.POST or None, actor=request.user, beginning=beginning
    )
    return _planned(request, wizard, None)


def _fresh(request: StaffRequest) -> Beginning:
    values = first_values() | {"token": new_id()}
    values["version"] = request.GET.get("version", "")
    saved = saved_filter(request.user, request.GET.get("filter", ""))
    if saved is not None:
        values |= {"target": SAVED, "saved": str(saved.pk)}
    device = _device(request)
    if device is not None:
        values |= {"devices": [device.pk], "project": device.site.kind}
    return Beginning(values=values)


def _again(request: StaffRequest, campaign_id: str) -> Beginning:
    """The failed devices of a campaign once more, with its plan."""
    number = read_uuid(campaign_id)
    if number is None:
        raise NotVisible
    campaign = get_visible_campaign(request.user, number)
    ids = failed_devices(request.user, campaign)
    text = ngettext(
        "The %(count)d device that failed in %(name)s",
        "The %(count)d devices that failed in %(name)s",
        len(ids),
    )
    label = text % {"count": len(ids), "name": campaign}
    values = values_of(campaign, shares_of(campaign))
    values |= {"token": new_id(), "when": "now", "local_start": ""}
    given = Given(label, ids) if ids else None
    values["target"] = GIVEN if ids else CHOSEN
    return Beginning(values=values, given=given, follows=campaign)


def _planned(
    request: StaffRequest, wizard: UpgradeWizard, campaign: UpgradeCampaign | None
) -> HttpResponse:
    if wizard.is_complete:
        try:
            made = _order(request, wizard, campaign)
        except DomainError as error:
            wizard.blame(error)
        else:
            return redirect("installer:campaign", made.pk)
    context = {"draft": wizard, "form": wizard.form, "campaign": campaign}
    return render(request, f"installer/upgrade/wizard_{wizard.step}.html", context)


@installer_only
def campaign_edit(request: StaffRequest, campaign_id: uuid.UUID) -> HttpResponse:
    """Change an upgrade that has not begun."""
    campaign = get_visible_campaign(request.user, campaign_id)
    if campaign.state != CampaignState.SCHEDULED:
        text = _("This upgrade has begun; it can be paused or stopped.")
        messages.info(request, text)
        return redirect("installer:campaign", campaign.pk)
    data = request.POST or None
    if campaign.is_simple:
        draft = UpgradeDraft(data, actor=request.user, campaign=campaign)
        return _simple(request, draft, campaign)
    wizard = UpgradeWizard(
        data, actor=request.user, beginning=_as_it_is(request, campaign)
    )
    return _planned(request, wizard, campaign)


def _as_it_is(request: StaffRequest, campaign: UpgradeCampaign) -> Beginning:
    rows = upgrades_of(campaign).values("device")
    mine = visible_devices(request.user).filter(pk__in=rows)
    ids = list(mine.order_by("pk").values_list("pk", flat=True))
    text = ngettext(
        "The %(count)d device that it has",
        "The %(count)d devices that it has",
        len(ids),
    )
    values = values_of(campaign, shares_of(campaign)) | {"token": campaign.edition}
    given = Given(text % {"count": len(ids)}, ids)
    return Beginning(
        values=values, given=given, campaign=campaign, follows=campaign.follows
    )
