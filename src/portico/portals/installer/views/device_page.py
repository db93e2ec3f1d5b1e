"""The page of one device, a tab each."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from portico.devices.catalogue import all_models
from portico.devices.enums import CommandKind
from portico.devices.errors import RotationUnderWay
from portico.devices.rules import has_camera, why_no_orders
from portico.devices.selectors import (
    bridge_of,
    get_visible_device,
    latest_order,
    picture_of,
    recent_commands,
)
from portico.devices.services.rotation import end_old_secrets, rotate_secrets
from portico.events.selectors import raw_events, visible_scope
from portico.firmware.newest import newest_versions
from portico.firmware.reports import update_for
from portico.kernel.clock import utcnow
from portico.kernel.errors import NotVisible
from portico.kernel.ids import new_id
from portico.portals.installer.forms.autop import CommandsForm
from portico.portals.installer.frame import at_home_only, installer_only
from portico.portals.shared.demo import ACTS
from portico.portals.shared.http import StaffRequest
from portico.portals.shared.lists import page_of
from portico.portals.shared.log import latest_cards
from portico.protocols.autop.grammar import parse
from portico.provisioning.commands import merged
from portico.provisioning.enums import AutopKind
from portico.provisioning.rules import mask_passwords, mask_secrets
from portico.provisioning.selectors import (
    address_of,
    check_of,
    file_of,
    items_at,
    live_items,
)
from portico.provisioning.services.files import reveal_file
from portico.remote.selectors import live_session

if TYPE_CHECKING:
    from portico.devices.models import Device

# A command this old has said all that it will.
LIFE_SHOWN = timedelta(seconds=60)
# The newest visits at the device.
_LATEST = 6


def device_context(request: StaffRequest, mac: str, tab: str) -> dict[str, Any]:
    """What the header and the tabs of a device's pages need.

    :raises NotVisible: no device of this installer.
    """
    device = get_visible_device(request.user, mac)
    bridge = bridge_of(device.site)
    return {
        "device": device,
        "site": device.site,
        "tab": tab,
        "live_stream": f"/live/site/{device.site_id}",
        "model": all_models().get(device.model),
        "file": file_of(device),
        "bridge": bridge,
        "is_bridged": bridge is not None and bridge.enrolled_at is not None,
        "orders_blocked": why_no_orders(device, bridge),
        "remote_session": live_session(device, utcnow()),
        "update": update_for(newest_versions([device.model]), device),
    }


def picture_context(device: Device) -> dict[str, Any]:
    """What the card of the device's picture needs."""
    if not has_camera(device):
        return {"has_camera": False}
    since = utcnow() - LIFE_SHOWN
    command = latest_order(device, CommandKind.TAKE_PICTURE, since=since)
    return {
        "has_camera": True,
        "picture": picture_of(device),
        "picture_command": command,
    }


@installer_only
def overview(request: StaffRequest, mac: str) -> HttpResponse:
    context = device_context(request, mac, "overview")
    device = context["device"]
    context |= picture_context(device)
    context |= latest_cards(visible_scope(request.user).at(device=device), _LATEST)
    if settings.DEMO:
        context["acts"] = ACTS[device.kind]
    return render(request, "installer/device/overview.html", context)


@installer_only
def head(request: StaffRequest, mac: str) -> HttpResponse:
    context = device_context(request, mac, "")
    return render(request, "installer/device/_head.html", context)


@installer_only
def trail(request: StaffRequest, mac: str) -> HttpResponse:
    context = device_context(request, mac, "")
    return render(request, "installer/device/_trail.html", context)


@installer_only
def doors(request: StaffRequest, mac: str) -> HttpResponse:
    context = device_context(request, mac, "doors")
    device = context["device"]
    context["relays"] = device.relays.all()
    context["external_relays"] = device.external_relays.all()
    context["commands"] = recent_commands([device], since=utcnow() - LIFE_SHOWN)
    return render(request, "installer/device/doors.html", context)


def provisioning_context(
    request: StaffRequest, context: dict[str, Any]
) -> dict[str, Any]:
    """What the provisioning tab shows beside :func:`device_context`."""
    device, file = context["device"], context["file"]
    live = list(live_items([device.pk]))
    regular = [one for one in live if one.kind == AutopKind.REGULAR]
    commands = merged(parse(one.order.text).settings for one in regular)
    lines = "\n".join(f"{key} = {value}" for key, value in commands.items())
    kind = AutopKind.REGULAR
    return {
        # It works like a password, and would outlive a visit.
        "address": None if request.visit else address_of(device),
        "body": mask_secrets(file.body, device.secrets) if file else "",
        "fetch_command": latest_order(
            device, CommandKind.FETCH_CONFIGURATION, since=utcnow() - LIFE_SHOWN
        ),
        "autop_form": CommandsForm(initial={"token": new_id(), "kind": kind}),
        "regular": mask_passwords(lines),
        "check": check_of(device),
        "compare_command": latest_order(
            device, CommandKind.READ_SETTINGS, since=utcnow() - LIFE_SHOWN
        ),
        "autop_items": items_at(device)[:_LATEST],
    }


@installer_only
def provisioning(request: StaffRequest, mac: str) -> HttpResponse:
    context = device_context(request, mac, "provisioning")
    context |= provisioning_context(request, context)
    return render(request, "installer/device/provisioning.html", context)


@require_POST
@at_home_only
def reveal(request: StaffRequest, mac: str) -> HttpResponse:
    context = device_context(request, mac, "provisioning")
    if context["file"] is None:
        raise NotVisible
    context |= provisioning_context(request, context)
    context["body"] = reveal_file(
        actor=request.user, file=context["file"], now=utcnow()
    )
    context["is_revealed"] = True
    return render(request, "installer/device/provisioning.html", context)


@require_POST
@at_home_only
def renew_addresses(request: StaffRequest, mac: str) -> HttpResponse:
    device = get_visible_device(request.user, mac)
    if "end" in request.POST:
        end_old_secrets(actor=request.user, device=device, now=utcnow())
        messages.success(request, _("The addresses of before are ended."))
        return redirect("installer:device_file", mac)
    try:
        rotate_secrets(actor=request.user, device=device, now=utcnow())
    except RotationUnderWay as error:
        messages.error(request, str(error))
    else:
        messages.success(
            request,
            _("The device gets its new addresses with its next configuration."),
        )
    return redirect("installer:device_file", mac)


@installer_only
def events(request: StaffRequest, mac: str) -> HttpResponse:
    context = device_context(request, mac, "events")
    context["page"] = page_of(request, raw_events(context["device"]))
    part = "installer/device/_events.html"
    page = "installer/device/events.html"
    return render(request, part if request.htmx else page, context)
