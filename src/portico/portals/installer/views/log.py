from __future__ import annotations

import uuid

from django.http import HttpResponse
from django.shortcuts import render

from portico.events.selectors import get_visible_entry, visible_log
from portico.portals.installer.frame import installer_only
from portico.portals.installer.views.sites import site_context
from portico.portals.shared.http import StaffRequest
from portico.portals.shared.log import show_log


@installer_only
def log_list(request: StaffRequest) -> HttpResponse:
    mine, page = visible_log(request.user), "installer/log/list.html"
    return show_log(request, mine, page=page, context={"with_site": True})


@installer_only
def site_log(request: StaffRequest, site_id: uuid.UUID) -> HttpResponse:
    context = site_context(request, site_id, "log")
    mine = visible_log(request.user).filter(site=context["site"])
    return show_log(request, mine, page="installer/sites/log.html", context=context)


@installer_only
def log_entry(request: StaffRequest, entry_id: int) -> HttpResponse:
    entry = get_visible_entry(request.user, entry_id)
    context = {"entry": entry, "with_site": request.GET.get("site") == "yes"}
    return render(request, "shared/log/_row.html", context)
