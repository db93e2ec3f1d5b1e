from __future__ import annotations

from typing import Any

from django.http import HttpResponse
from django.shortcuts import render

from portico.devices.rules import has_camera
from portico.devices.selectors import (
    get_managed_device,
    picture_file,
    picture_of,
)
from portico.events.selectors import managed_scope
from portico.portals.manager.frame import manager_only
from portico.portals.shared.http import StaffRequest
from portico.portals.shared.log import latest_cards
from portico.sites.enums import ManagerRight
from portico.sites.selectors import get_managed_community

# The newest visits at a device that stand on its page.
_LATEST = 6


def device_context(request: StaffRequest, mac: str) -> dict[str, Any]:
    """What the parts of a device's page need.

    :raises NotVisible: not in a community that he manages.
    """
    device = get_managed_device(request.user, mac)
    return {
        "device": device,
        "site": device.site,
        "managed": get_managed_community(request.user, device.site_id),
        "live_stream": f"/live/site/{device.site_id}",
    }


@manager_only
def device(request: StaffRequest, mac: str) -> HttpResponse:
    context = device_context(request, mac)
    managed, one = context["managed"], context["device"]
    context["shows_picture"] = managed.may_see_images and has_camera(one)
    if context["shows_picture"]:
        context["picture"] = picture_of(one)
    if managed.may_see_logs:
        log = managed_scope(request.user).at(device=one)
        context |= latest_cards(log, _LATEST)
    return render(request, "manager/device.html", context)


@manager_only
def head(request: StaffRequest, mac: str) -> HttpResponse:
    return render(request, "manager/_device_head.html", device_context(request, mac))


@manager_only
def picture(request: StaffRequest, mac: str) -> HttpResponse:
    one = get_managed_device(request.user, mac, may=ManagerRight.SEE_IMAGES)
    context = {"device": one, "picture": picture_of(one)}
    return render(request, "manager/_picture.html", context)


@manager_only
def picture_content(request: StaffRequest, mac: str) -> HttpResponse:
    one = get_managed_device(request.user, mac, may=ManagerRight.SEE_IMAGES)
    headers = {"Cache-Control": "private, no-store"}
    return HttpResponse(picture_file(one), content_type="image/jpeg", headers=headers)
