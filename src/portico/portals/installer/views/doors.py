from __future__ import annotations

import uuid
from datetime import timedelta

from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_POST

from portico.devices.enums import CommandChannel, CommandKind, CommandState
from portico.devices.selectors import (
    devices_of_site,
    get_relay,
    get_visible_command,
    get_visible_device,
    recent_commands,
)
from portico.devices.services.commands import request_open
from portico.kernel.clock import utcnow
from portico.portals.installer.frame import installer_only
from portico.portals.installer.views.device_page import LIFE_SHOWN
from portico.portals.installer.views.sites import site_context
from portico.portals.shared.http import StaffRequest
from portico.portals.shared.lists import plain

# A unit reports its relay within a second or two; later it will not.
REPORT_EXPECTED = timedelta(seconds=10)


@installer_only
def site_doors(request: StaffRequest, site_id: uuid.UUID) -> HttpResponse:
    context = site_context(request, site_id, "doors")
    devices = list(devices_of_site(context["site"]))
    context["devices"] = [device for device in devices if device.relays.all()]
    context["commands"] = recent_commands(devices, since=utcnow() - LIFE_SHOWN)
    return render(request, "installer/sites/doors.html", context)


@require_POST
@installer_only
def open_door(request: StaffRequest, mac: str, kind: str, number: int) -> HttpResponse:
    device = get_visible_device(request.user, mac)
    command = request_open(
        actor=request.user,
        relay=get_relay(device, kind, number),
        channel=CommandChannel.PORTAL,
        idempotency_key=plain(request.POST.get("key", ""), 63),
        now=utcnow(),
    )
    if not request.htmx:
        return redirect("installer:device_doors", device.mac)
    return render(request, "installer/doors/_life.html", {"command": command})


@installer_only
def command_life(request: StaffRequest, command_id: uuid.UUID) -> HttpResponse:
    command = get_visible_command(request.user, command_id)
    waits = utcnow() - command.requested_at < REPORT_EXPECTED
    acknowledged = command.state == CommandState.ACKNOWLEDGED
    shown = request.GET.get("shown", "")
    if shown == command.state and (waits or not acknowledged):
        return HttpResponse(status=204)  # as it was: leave the page alone
    if command.kind != CommandKind.OPEN_RELAY:
        return render(request, "installer/device/_order.html", {"command": command})
    context = {"command": command, "is_last_word": acknowledged and not waits}
    return render(request, "installer/doors/_life.html", context)
