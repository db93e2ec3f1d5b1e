"""What only a demo has: units and bridges that exist in software."""

from __future__ import annotations

import uuid

from django.conf import settings
from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from portico.devices.enums import DeviceKind
from portico.devices.selectors import get_visible_device
from portico.devices.services.bridges import invite_bridge
from portico.kernel.clock import utcnow
from portico.kernel.errors import NotVisible
from portico.portals.installer.frame import at_home_only, installer_only
from portico.portals.shared.demo import (
    ACTS,
    SimulatorAway,
    act_on_virtual_unit,
    messages_of_virtual_unit,
    stand_in_model,
    start_virtual_bridge,
    start_virtual_unit,
)
from portico.portals.shared.http import StaffRequest
from portico.provisioning.selectors import address_of
from portico.sites.selectors import get_visible_site


def _only_in_demo() -> None:
    if not settings.DEMO:
        raise NotVisible


@require_POST
@installer_only
def start_unit(request: StaffRequest, mac: str) -> HttpResponse:
    _only_in_demo()
    device = get_visible_device(request.user, mac)
    try:
        start_virtual_unit(
            mac=device.mac,
            model=stand_in_model(device.model, device.kind),
            url=address_of(device),
        )
        messages.success(
            request, _("A virtual unit runs. It fetches its configuration now.")
        )
    except SimulatorAway as error:
        messages.error(request, str(error))
    return redirect("installer:device", device.mac)


@require_POST
@installer_only
def act_on_unit(request: StaffRequest, mac: str) -> HttpResponse:
    _only_in_demo()
    device = get_visible_device(request.user, mac)
    acts = {act.key: act for act in ACTS[device.kind]}
    act = acts.get(request.POST.get("act", ""))
    if act is None:
        raise NotVisible
    try:
        act_on_virtual_unit(mac=device.mac, act=act)
        messages.success(request, act.done)
    except SimulatorAway as error:
        messages.error(request, str(error))
    return redirect("installer:device", device.mac)


@installer_only
def unit_messages(request: StaffRequest, mac: str) -> HttpResponse:
    """What a virtual monitor's screen shows, as a part of its page."""
    _only_in_demo()
    device = get_visible_device(request.user, mac)
    if device.kind != DeviceKind.INDOOR_MONITOR:
        raise NotVisible
    try:
        context = {"shown": messages_of_virtual_unit(mac=device.mac)}
    except SimulatorAway:  # no unit runs yet: its screen is dark
        context = {"shown": []}
    return render(request, "installer/device/_demo_messages.html", context)


@require_POST
@at_home_only
def start_bridge(request: StaffRequest, site_id: uuid.UUID) -> HttpResponse:
    _only_in_demo()
    site = get_visible_site(request.user, site_id)
    name = _("Virtual bridge")
    _bridge, token = invite_bridge(
        actor=request.user, site=site, name=name, now=utcnow()
    )
    server = settings.ENVIRONMENT.public_url.rstrip("/")
    try:
        start_virtual_bridge(server=server, token=token, name=f"site-{site.pk}")
        messages.success(request, _("A virtual bridge runs and connects now."))
    except SimulatorAway as error:
        messages.error(request, str(error))
    return redirect("installer:site_bridge", site.pk)
