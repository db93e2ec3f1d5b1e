from __future__ import annotations

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from portico.jobs.selectors import dead_letters, get_dead_letter
from portico.jobs.services.dead_letters import discard_dead_letter, retry_dead_letter
from portico.kernel.clock import utcnow
from portico.portals.operator.frame import operator_only
from portico.portals.shared.http import StaffRequest
from portico.portals.shared.lists import page_of


@operator_only
def letters(request: StaffRequest) -> HttpResponse:
    context = {"page": page_of(request, dead_letters(request.user))}
    return render(request, "operator/dead_letters.html", context)


@require_POST
@operator_only
def letter_retry(request: StaffRequest, job_id: int) -> HttpResponse:
    job = get_dead_letter(request.user, job_id)
    retry_dead_letter(actor=request.user, job=job, now=utcnow())
    messages.success(request, _("%(job)s is tried again now.") % {"job": job.name})
    return redirect("operator:dead_letters")


@operator_only
def letter_discard(request: StaffRequest, job_id: int) -> HttpResponse:
    job = get_dead_letter(request.user, job_id)
    if request.method == "POST":
        discard_dead_letter(actor=request.user, job=job, now=utcnow())
        messages.success(request, _("%(job)s is discarded.") % {"job": job.name})
        return redirect("operator:dead_letters")
    return render(request, "operator/discard.html", {"job": job})
