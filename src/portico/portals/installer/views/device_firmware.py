"""The firmware of one device: what it has, what it could have, what was done."""

from __future__ import annotations

from django.http import HttpResponse
from django.shortcuts import render

from portico.firmware.reports import with_steps
from portico.firmware.selectors import firmware_versions, upgrades_at
from portico.portals.installer.frame import installer_only
from portico.portals.installer.upgrade_tables import UpgradeRow
from portico.portals.installer.views.device_page import device_context
from portico.portals.shared.http import StaffRequest

# The newest upgrades of the device; the list of upgrades has all.
_SHOWN = 20


@installer_only
def device_firmware(request: StaffRequest, mac: str) -> HttpResponse:
    context = device_context(request, mac, "firmware")
    device = context["device"]
    known = firmware_versions().filter(model=device.model, version=device.firmware)
    upgrades = with_steps(upgrades_at(device).filter(is_hidden=False))
    rows = [UpgradeRow(one) for one in upgrades[:_SHOWN]]
    context |= {
        "installed": known.first(),
        "rows": rows,
        "is_under_way": any(not row.is_over for row in rows),
    }
    return render(request, "installer/device/firmware.html", context)
