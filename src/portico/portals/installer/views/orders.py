"""Orders to a unit as a whole."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from portico.devices.enums import CommandChannel, CommandKind
from portico.devices.rules import has_camera
from portico.devices.selectors import get_visible_device, picture_file
from portico.devices.services.orders import request_order
from portico.kernel.clock import utcnow
from portico.kernel.errors import NotVisible
from portico.portals.installer.frame import installer_only
from portico.portals.installer.views.device_page import (
    device_context,
    picture_context,
)
from portico.portals.shared.http import StaffRequest
from portico.portals.shared.lists import plain
from portico.provisioning.services.comparing import compare_now, send_again

if TYPE_CHECKING:
    from portico.devices.models import Command


def _ordered(request: StaffRequest, mac: str, kind: CommandKind) -> Command:
    return request_order(
        actor=request.user,
        device=get_visible_device(request.user, mac),
        kind=kind,
        channel=CommandChannel.PORTAL,
        idempotency_key=plain(request.POST.get("key", ""), 63),
        now=utcnow(),
    )


@require_POST
@installer_only
def fetch(request: StaffRequest, mac: str) -> HttpResponse:
    command = _ordered(request, mac, CommandKind.FETCH_CONFIGURATION)
    if not request.htmx:
        return redirect("installer:device_file", mac)
    return render(request, "installer/device/_order.html", {"command": command})


@require_POST
@installer_only
def compare(request: StaffRequest, mac: str) -> HttpResponse:
    device = get_visible_device(request.user, mac)
    key = plain(request.POST.get("key", ""), 63)
    command = compare_now(actor=request.user, device=device, key=key, now=utcnow())
    if not request.htmx:
        return redirect("installer:device_file", mac)
    return render(request, "installer/device/_order.html", {"command": command})


@require_POST
@installer_only
def repair(request: StaffRequest, mac: str) -> HttpResponse:
    device = get_visible_device(request.user, mac)
    send_again(actor=request.user, device=device, now=utcnow())
    messages.success(request, _("The device takes its whole file once more."))
    return redirect("installer:device_file", mac)


@installer_only
def picture(request: StaffRequest, mac: str) -> HttpResponse:
    if not has_camera(get_visible_device(request.user, mac)):
        raise NotVisible
    if request.method == "POST":
        command = _ordered(request, mac, CommandKind.TAKE_PICTURE)
        if not request.htmx:
            return redirect("installer:device", mac)
        return render(request, "installer/device/_order.html", {"command": command})
    context = device_context(request, mac, "overview")
    context |= picture_context(context["device"])
    return render(request, "installer/device/_picture.html", context)


@installer_only
def picture_content(request: StaffRequest, mac: str) -> HttpResponse:
    content = picture_file(get_visible_device(request.user, mac))
    headers = {"Cache-Control": "private, no-store"}
    return HttpResponse(content, content_type="image/jpeg", headers=headers)
