from __future__ import annotations

from datetime import timedelta

from django.http import HttpResponse
from django.shortcuts import render

from portico.devices.selectors import (
    presence_counts,
    sites_without_bridge,
    visible_devices,
)
from portico.events.selectors import alarms_since, visible_log
from portico.kernel.clock import utcnow
from portico.portals.installer.frame import installer_only
from portico.portals.shared.http import StaffRequest
from portico.provisioning.selectors import drifting
from portico.sites.selectors import account_counts, visible_sites

# An alarm that nobody looked at for a day is history.
ALARMS_SHOWN = timedelta(hours=24)
LATEST = 8


@installer_only
def dashboard(request: StaffRequest) -> HttpResponse:
    actor = request.user
    devices, sites, log = (
        visible_devices(actor),
        visible_sites(actor),
        visible_log(actor),
    )
    context = {
        "devices": presence_counts(devices),
        "drift": drifting(devices).count(),
        "bridgeless": sites_without_bridge(actor).count(),
        "alarms": alarms_since(log, utcnow() - ALARMS_SHOWN),
        "accounts": account_counts(sites),
        "has_sites": sites.exists(),
        "entries": log[:LATEST],
    }
    return render(request, "installer/dashboard.html", context)


@installer_only
def latest(request: StaffRequest) -> HttpResponse:
    context = {"entries": visible_log(request.user)[:LATEST], "with_site": True}
    return render(request, "installer/log/_rows.html", context)
