from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Any

from django.http import HttpResponse
from django.shortcuts import render

from portico.events.enums import LogKind, Outcome
from portico.events.selectors import (
    filter_log,
    get_visible_entry,
    newer_entries,
    visible_log,
)
from portico.portals.installer.frame import installer_only
from portico.portals.installer.views.sites import site_context
from portico.portals.shared.http import StaffRequest
from portico.portals.shared.lists import chosen, page_of, search_text

if TYPE_CHECKING:
    from django.db.models import QuerySet

    from portico.events.models import LogEntry

_KINDS = dict(LogKind.choices)
_OUTCOMES = {str(value): label for value, label in Outcome.choices}


def _log_context(request: StaffRequest, entries: QuerySet[LogEntry]) -> dict[str, Any]:
    kind, text = chosen(request, "kind", _KINDS), search_text(request)
    outcome = chosen(request, "outcome", _OUTCOMES)
    found = filter_log(entries, kind=kind, outcome=outcome, text=text)
    after = request.GET.get("after", "")
    if after.isascii() and after.isdecimal():  # the "3 new" pill asks only how many
        return {"new_count": newer_entries(found, int(after))}
    page = page_of(request, found)
    return {
        "page": page,
        "newest": max((entry.pk for entry in page.rows), default=0),
        "kinds": LogKind.choices,
        "outcomes": Outcome.choices,
        "kind": kind,
        "outcome": outcome,
        "text": text,
    }


def _rendered(
    request: StaffRequest, page: str, context: dict[str, Any]
) -> HttpResponse:
    if "new_count" in context:
        return render(request, "installer/log/_pill.html", context)
    part = "installer/log/_list.html"
    return render(request, part if request.htmx else page, context)


@installer_only
def log_list(request: StaffRequest) -> HttpResponse:
    context = _log_context(request, visible_log(request.user)) | {"with_site": True}
    return _rendered(request, "installer/log/list.html", context)


@installer_only
def site_log(request: StaffRequest, site_id: uuid.UUID) -> HttpResponse:
    context = site_context(request, site_id, "log")
    mine = visible_log(request.user).filter(site=context["site"])
    context |= _log_context(request, mine)
    return _rendered(request, "installer/sites/log.html", context)


@installer_only
def log_entry(request: StaffRequest, entry_id: int) -> HttpResponse:
    entry = get_visible_entry(request.user, entry_id)
    context = {"entry": entry, "with_site": request.GET.get("site") == "yes"}
    return render(request, "installer/log/_row.html", context)
