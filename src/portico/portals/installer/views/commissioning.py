"""The commissioning checklist of a house, and the sheet for its owner (SITE-12)."""

from __future__ import annotations

import uuid

from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_POST

from portico.houses.commissioning import commissioning_of
from portico.houses.handover import handover_sheet
from portico.houses.services.commissioning import set_mark
from portico.kernel.clock import utcnow
from portico.kernel.errors import NotVisible
from portico.portals.installer.frame import installer_only
from portico.portals.installer.views.sites import site_context
from portico.portals.shared.http import StaffRequest
from portico.sites.selectors import get_visible_site


@installer_only
def site_checklist(request: StaffRequest, site_id: uuid.UUID) -> HttpResponse:
    context = site_context(request, site_id, "checklist")
    if context["site"].is_community:
        raise NotVisible
    part = "installer/houses/_checklist.html"
    page = "installer/houses/checklist.html"
    return render(request, part if request.htmx else page, context)


@require_POST
@installer_only
def site_check(request: StaffRequest, site_id: uuid.UUID) -> HttpResponse:
    site = get_visible_site(request.user, site_id)
    set_mark(
        actor=request.user,
        site=site,
        key=request.POST.get("check", ""),
        done=request.POST.get("done") == "yes",
        now=utcnow(),
    )
    return redirect("installer:site_checklist", site.pk)


@installer_only
def site_handover(request: StaffRequest, site_id: uuid.UUID) -> HttpResponse:
    site = get_visible_site(request.user, site_id)
    if site.is_community:
        raise NotVisible
    pdf = handover_sheet(
        site=site,
        checklist=commissioning_of(site),
        made_by=str(request.user.name or request.user),
        now=utcnow(),
    )
    answer = HttpResponse(pdf, content_type="application/pdf")
    answer["Content-Disposition"] = 'inline; filename="hand-over.pdf"'
    answer["Cache-Control"] = "private, no-store"
    return answer
