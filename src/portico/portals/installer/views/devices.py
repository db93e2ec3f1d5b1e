from __future__ import annotations

import uuid

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from portico.devices.catalogue import all_models
from portico.devices.selectors import (
    devices_to_sort,
    get_visible_device,
    visible_devices,
)
from portico.devices.services.registration import (
    change_device,
    register_device,
    remove_device,
)
from portico.devices.services.wipes import done_by_hand
from portico.firmware.newest import newest_versions
from portico.kernel.clock import utcnow
from portico.kernel.errors import DomainError
from portico.portals.installer.device_search import (
    find_devices,
    list_query,
    read_address,
)
from portico.portals.installer.forms.device import DeviceDraft
from portico.portals.installer.frame import installer_only
from portico.portals.installer.tables import DEVICES
from portico.portals.shared.forms import TypedNameForm
from portico.portals.shared.http import StaffRequest
from portico.portals.shared.listing import show_list
from portico.provisioning.selectors import with_files
from portico.sites.selectors import get_visible_site


@installer_only
def device_list(request: StaffRequest) -> HttpResponse:
    asked = read_address(request.user, request.GET.dict())
    found = find_devices(devices_to_sort(request.user), asked, utcnow())
    part = "installer/devices/_rows.html"
    page = "installer/devices/list.html"
    page = part if request.htmx else page
    whole = with_files(visible_devices(request.user))
    newest = newest_versions([*all_models()])
    context = {"search": list_query(asked), "newest": newest}
    return show_list(
        request, DEVICES, asked, found, page=page, whole=whole, context=context
    )


@installer_only
def device_new(request: StaffRequest, site_id: uuid.UUID) -> HttpResponse:
    site = get_visible_site(request.user, site_id)
    # Where the link of a unit that was found leads.
    mac = request.GET.get("mac", "")[:31]
    draft = DeviceDraft(request.POST or None, actor=request.user, mac=mac)
    if request.method == "POST" and not draft.act and draft.is_valid():
        try:
            device = register_device(
                actor=request.user,
                site=site,
                mac=draft.form.cleaned_data["mac"],
                data=draft.device_data(),
                now=utcnow(),
            )
        except DomainError as error:
            draft.blame(error)
        else:
            messages.success(request, _("%(name)s is added.") % {"name": device.name})
            return redirect("installer:device", device.mac)
    context = {"site": site, "draft": draft}
    return render(request, "installer/devices/form.html", context)


@installer_only
def device_edit(request: StaffRequest, mac: str) -> HttpResponse:
    device = get_visible_device(request.user, mac)
    draft = DeviceDraft(request.POST or None, actor=request.user, device=device)
    if request.method == "POST" and not draft.act and draft.is_valid():
        try:
            change_device(
                actor=request.user,
                device=device,
                data=draft.device_data(),
                version=draft.version,
                now=utcnow(),
            )
        except DomainError as error:
            draft.blame(error)
        else:
            messages.success(
                request, _("Saved. The device gets it with its next configuration.")
            )
            return redirect("installer:device", device.mac)
    context = {"site": device.site, "device": device, "draft": draft}
    return render(request, "installer/devices/form.html", context)


@installer_only
def device_delete(request: StaffRequest, mac: str) -> HttpResponse:
    device = get_visible_device(request.user, mac)
    form = TypedNameForm(request.POST or None, wanted=device.name)
    if request.method == "POST" and form.is_valid():
        remove_device(actor=request.user, device=device, now=utcnow())
        messages.success(request, _("%(name)s is deleted.") % {"name": device.name})
        return redirect("installer:site_devices", device.site_id)
    context = {"device": device, "form": form}
    return render(request, "installer/devices/delete.html", context)


@require_POST
@installer_only
def device_cleared(request: StaffRequest, mac: str) -> HttpResponse:
    """Somebody says that he has deleted codes, cards and faces on the unit itself."""
    device = get_visible_device(request.user, mac)
    done_by_hand(actor=request.user, device=device, now=utcnow())
    messages.success(request, _("Noted."))
    return redirect("installer:site_devices", device.site_id)
