"""What a device holds of codes and cards, and what it should."""

from __future__ import annotations

from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_POST

from portico.access.selectors import access_of, entries_of_device
from portico.access.services.ordering import sync_now
from portico.devices.enums import DeviceKind
from portico.devices.selectors import get_visible_device
from portico.kernel.clock import utcnow
from portico.kernel.errors import NotVisible
from portico.portals.installer.frame import installer_only
from portico.portals.installer.views.device_page import device_context
from portico.portals.shared.http import StaffRequest
from portico.portals.shared.lists import page_of


@installer_only
def device_access(request: StaffRequest, mac: str) -> HttpResponse:
    context = device_context(request, mac, "access")
    device = context["device"]
    if device.kind == DeviceKind.INDOOR_MONITOR:
        raise NotVisible
    entries = entries_of_device(device)
    context |= {
        "access": access_of(device),
        "wanted": entries.filter(is_wanted=True).count(),
        "open": entries.filter(confirmed_at=None).count(),
        "page": page_of(request, entries),
    }
    part = "installer/access/_device.html"
    page = "installer/access/device.html"
    return render(request, part if request.htmx else page, context)


@require_POST
@installer_only
def device_sync(request: StaffRequest, mac: str) -> HttpResponse:
    device = get_visible_device(request.user, mac)
    if device.kind == DeviceKind.INDOOR_MONITOR:
        raise NotVisible
    sync_now(actor=request.user, device=device, now=utcnow())
    return redirect("installer:device_access", mac)
