"""Files made in the background, for who asked for them."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

from django.contrib import messages
from django.core.files.storage import default_storage
from django.http import FileResponse, HttpResponse
from django.shortcuts import redirect, render
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from portico.exports.enums import ExportFormat
from portico.exports.errors import TooManyExports
from portico.exports.selectors import exports_of, get_export, get_file
from portico.exports.services.exporting import (
    cancel_export,
    remove_export,
    request_export,
)
from portico.kernel.clock import utcnow
from portico.kernel.errors import NotVisible
from portico.portals.shared.http import StaffRequest
from portico.portals.shared.lists import plain
from portico.portals.shared.log_export import SOURCES
from portico.portals.shared.progress import Progress
from portico.tenancy.enums import Role

if TYPE_CHECKING:
    from portico.exports.models import Export

# More than anybody waits for at once; the older ones go by themselves.
_SHOWN = 5
_TYPES = {ExportFormat.CSV: "text/csv", ExportFormat.JSON: "application/json"}


@dataclass(frozen=True, slots=True)
class ExportRow:
    """One export as the page draws it."""

    export: Export
    progress: Progress


def exports_context(request: StaffRequest) -> dict[str, Any]:
    """What ``shared/exports/_part.html`` needs. A visitor has no files of his own."""
    if request.membership.role == Role.VISITOR:
        return {}
    rows = [
        ExportRow(one, Progress(one.rows_done, one.rows_total, one.is_under_way))
        for one in exports_of(request.user)[:_SHOWN]
    ]
    under_way = any(row.progress.is_under_way for row in rows)
    return {"exports": rows, "exports_under_way": under_way, "may_export": True}


def exports(request: StaffRequest) -> HttpResponse:
    return render(request, "shared/exports/_part.html", exports_context(request))


@require_POST
def log_export(request: StaffRequest) -> HttpResponse:
    source = "managed_log" if request.portal.namespace == "manager" else "log"
    wanted = request.POST.get("format", "")
    if source not in SOURCES or wanted not in ExportFormat.values:
        raise NotVisible
    try:
        request_export(
            actor=request.user,
            source=source,
            query=plain(request.POST.get("query", ""), 1000),
            file_format=ExportFormat(wanted),
            now=utcnow(),
        )
    except TooManyExports:
        text = _(
            "Two files are being made for you already. Wait for one, or cancel it."
        )
        messages.error(request, text)
    back = request.POST.get("back", "")
    is_ours = back.startswith("/") and url_has_allowed_host_and_scheme(back, None)
    return redirect(back if is_ours else request.portal.url("dashboard"))


@require_POST
def export_cancel(request: StaffRequest, export_id: uuid.UUID) -> HttpResponse:
    cancel_export(export=get_export(request.user, export_id), now=utcnow())
    return _after(request)


@require_POST
def export_remove(request: StaffRequest, export_id: uuid.UUID) -> HttpResponse:
    remove_export(export=get_export(request.user, export_id))
    return _after(request)


def _after(request: StaffRequest) -> HttpResponse:
    if request.htmx:
        return exports(request)
    return redirect(request.portal.url("dashboard"))


def export_file(request: StaffRequest, export_id: uuid.UUID) -> HttpResponse:
    export = get_file(request.user, export_id)
    try:
        file = default_storage.open(export.file)
    except OSError:  # it has just been deleted
        raise NotVisible from None
    answer = FileResponse(
        file,
        as_attachment=True,
        filename=f"log-{export.requested_at:%Y-%m-%d}.{export.format}",
        content_type=_TYPES[ExportFormat(export.format)],
        headers={
            "Cache-Control": "private, no-store",
            "X-Content-Type-Options": "nosniff",
        },
    )
    # A streaming answer is an answer; Django's types keep the two apart.
    return cast("HttpResponse", answer)
