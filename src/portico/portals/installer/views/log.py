from __future__ import annotations

import uuid

from django.http import HttpResponse

from portico.events.selectors import visible_scope
from portico.portals.installer.frame import installer_only
from portico.portals.installer.views.sites import site_context
from portico.portals.shared.http import StaffRequest
from portico.portals.shared.log import (
    device_filter,
    show_capture,
    show_card,
    show_log,
    show_whole,
    site_filter,
)
from portico.portals.shared.views.exports import exports_context
from portico.sites.selectors import visible_sites


@installer_only
def log_list(request: StaffRequest) -> HttpResponse:
    return show_log(
        request,
        visible_scope(request.user),
        page="installer/log/list.html",
        context={"with_site": True} | exports_context(request),
        filters=site_filter(request, visible_sites(request.user)),
    )


@installer_only
def site_log(request: StaffRequest, site_id: uuid.UUID) -> HttpResponse:
    context = site_context(request, site_id, "log") | exports_context(request)
    site = context["site"]
    return show_log(
        request,
        visible_scope(request.user).at(site=site),
        page="installer/sites/log.html",
        context=context,
        filters=device_filter(site),
        fixed={"site": str(site.pk)},
    )


@installer_only
def log_visit(request: StaffRequest, visit_id: int) -> HttpResponse:
    return show_card(request, visible_scope(request.user), visit_id)


@installer_only
def log_whole(request: StaffRequest, visit_id: int) -> HttpResponse:
    scope = visible_scope(request.user)
    return show_whole(request, scope, visit_id, with_events=True)


@installer_only
def capture(request: StaffRequest, signed: str) -> HttpResponse:
    return show_capture(request, visible_scope(request.user), signed)
