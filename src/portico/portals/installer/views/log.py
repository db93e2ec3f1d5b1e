from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Any

from django.http import HttpResponse
from django.shortcuts import render

from portico.events.selectors import (
    filter_log,
    get_visible_entry,
    newer_entries,
    visible_log,
)
from portico.portals.installer.frame import installer_only
from portico.portals.installer.tables import LOG
from portico.portals.installer.views.sites import site_context
from portico.portals.shared.http import StaffRequest
from portico.portals.shared.listing import show_list
from portico.portals.shared.lists import whole_number

if TYPE_CHECKING:
    from django.db.models import QuerySet

    from portico.events.models import LogEntry


def _show_log(
    request: StaffRequest,
    entries: QuerySet[LogEntry],
    page: str,
    context: dict[str, Any],
) -> HttpResponse:
    asked = LOG.ask(request)
    found = filter_log(
        entries,
        kind=asked["kind"],
        outcome=asked["outcome"],
        text=asked.text,
        since=asked.begins("from"),
        until=asked.ends("to"),
    )
    after = whole_number(request.GET.get("after", ""))
    if after is not None:  # the "3 new" pill asks only how many
        count = {"new_count": newer_entries(found, after)}
        return render(request, "installer/log/_pill.html", count)
    page = "installer/log/_list.html" if request.htmx else page
    return show_list(request, LOG, asked, found, page=page, context=context)


@installer_only
def log_list(request: StaffRequest) -> HttpResponse:
    mine, page = visible_log(request.user), "installer/log/list.html"
    return _show_log(request, mine, page, {"with_site": True})


@installer_only
def site_log(request: StaffRequest, site_id: uuid.UUID) -> HttpResponse:
    context = site_context(request, site_id, "log")
    mine = visible_log(request.user).filter(site=context["site"])
    return _show_log(request, mine, "installer/sites/log.html", context)


@installer_only
def log_entry(request: StaffRequest, entry_id: int) -> HttpResponse:
    entry = get_visible_entry(request.user, entry_id)
    context = {"entry": entry, "with_site": request.GET.get("site") == "yes"}
    return render(request, "installer/log/_row.html", context)
