from __future__ import annotations

import uuid
from typing import Any

from django.http import HttpResponse
from django.shortcuts import render

from portico.devices.selectors import devices_of_site, presence_counts
from portico.events.selectors import managed_scope
from portico.kernel.errors import NotVisible
from portico.portals.manager.frame import manager_only
from portico.portals.manager.tables import COMMUNITIES
from portico.portals.shared.http import StaffRequest
from portico.portals.shared.listing import show_list
from portico.portals.shared.log import (
    device_filter,
    show_capture,
    show_card,
    show_log,
    show_whole,
)
from portico.portals.shared.tables import sites_below_rows
from portico.portals.shared.views.exports import exports_context
from portico.sites.selectors import (
    get_managed_community,
    managed_communities,
    search_communities,
)


@manager_only
def community_list(request: StaffRequest) -> HttpResponse:
    asked = COMMUNITIES.ask(request)
    found = search_communities(managed_communities(request.user), asked.text)
    page = "manager/_list.html" if request.htmx else "manager/list.html"
    return show_list(
        request, COMMUNITIES, asked, found, items=sites_below_rows, page=page
    )


def community_context(
    request: StaffRequest, site_id: uuid.UUID, tab: str
) -> dict[str, Any]:
    """What the header and the tabs of a community's pages need.

    :raises NotVisible: he does not manage it.
    """
    managed = get_managed_community(request.user, site_id)
    return {
        "managed": managed,
        "site": managed.site,
        "tab": tab,
        "live_stream": f"/live/site/{site_id}",
        "presence": presence_counts(devices_of_site(managed.site)),
    }


@manager_only
def community(request: StaffRequest, site_id: uuid.UUID) -> HttpResponse:
    context = community_context(request, site_id, "overview")
    return render(request, "manager/community.html", context)


@manager_only
def site_devices(request: StaffRequest, site_id: uuid.UUID) -> HttpResponse:
    context = community_context(request, site_id, "devices")
    context["devices"] = devices_of_site(context["site"])
    page = "manager/_devices.html" if request.htmx else "manager/devices.html"
    return render(request, page, context)


@manager_only
def site_log(request: StaffRequest, site_id: uuid.UUID) -> HttpResponse:
    context = community_context(request, site_id, "log")
    if not context["managed"].may_see_logs:
        raise NotVisible
    return show_log(
        request,
        managed_scope(request.user).at(site=context["site"]),
        page="manager/log.html",
        context=context | exports_context(request),
        filters=device_filter(context["site"]),
        fixed={"site": str(site_id)},
    )


@manager_only
def log_visit(request: StaffRequest, visit_id: int) -> HttpResponse:
    return show_card(request, managed_scope(request.user), visit_id)


@manager_only
def log_whole(request: StaffRequest, visit_id: int) -> HttpResponse:
    # What the device said is the installer's business.
    scope = managed_scope(request.user)
    return show_whole(request, scope, visit_id, with_events=False)


@manager_only
def capture(request: StaffRequest, signed: str) -> HttpResponse:
    return show_capture(request, managed_scope(request.user), signed)
