from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _

from portico.devices.selectors import (
    filter_mac_entries,
    get_visible_mac_entry,
    own_devices_by_mac,
    search_mac_entries,
    visible_mac_entries,
)
from portico.devices.services.mac_library import remove_mac
from portico.kernel.clock import utcnow
from portico.kernel.mac import pretty_mac
from portico.portals.installer.frame import installer_only
from portico.portals.shared.http import StaffRequest
from portico.portals.shared.listing import show_list
from portico.portals.shared.tables import MACS, MacRow

if TYPE_CHECKING:
    from portico.devices.selectors.mac_library import UsedMacEntry


@installer_only
def mac_library(request: StaffRequest) -> HttpResponse:
    asked = MACS.ask(request)
    mine = visible_mac_entries(request.user)
    rows = filter_mac_entries(search_mac_entries(mine, asked.text), asked["state"])

    def with_devices(entries: Sequence[UsedMacEntry]) -> Sequence[MacRow]:
        used = own_devices_by_mac(request.user, [entry.mac for entry in entries])
        return [MacRow(entry, used.get(entry.mac)) for entry in entries]

    page = "installer/mac_library/list.html"
    return show_list(
        request, MACS, asked, rows, items=with_devices, page=page, whole=mine
    )


@installer_only
def mac_remove(request: StaffRequest, entry_id: int) -> HttpResponse:
    entry = get_visible_mac_entry(request.user, entry_id)
    if request.method == "POST":
        remove_mac(actor=request.user, entry=entry, now=utcnow())
        messages.success(
            request, _("%(mac)s is removed.") % {"mac": pretty_mac(entry.mac)}
        )
        return redirect("installer:mac_library")
    return render(request, "installer/mac_library/remove.html", {"entry": entry})
