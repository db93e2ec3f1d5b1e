from __future__ import annotations

from typing import TYPE_CHECKING

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_POST

from portico.jobs.selectors import (
    dead_letters,
    get_dead_letter,
    search_dead_letters,
)
from portico.jobs.services.dead_letters import discard_dead_letter, retry_dead_letter
from portico.kernel.clock import utcnow
from portico.portals.operator.frame import operator_only
from portico.portals.shared.http import StaffRequest
from portico.portals.shared.listing import Column, ListSpec, show_list
from portico.portals.shared.tables import moment

if TYPE_CHECKING:
    from portico.jobs.models import Job

LETTERS: ListSpec[Job] = ListSpec(
    name="dead-letters",
    columns=(
        Column(
            key="job",
            label=gettext_lazy("Job"),
            text=lambda job: f"{job.name} #{job.pk}",
            order=("name",),
            is_fixed=True,
        ),
        Column(
            key="error", label=gettext_lazy("Error"), text=lambda job: job.last_error
        ),
        Column(
            key="tries",
            label=gettext_lazy("Tries"),
            text=lambda job: job.attempts,
            order=("attempts",),
        ),
        Column(
            key="at",
            label=gettext_lazy("Given up"),
            text=lambda job: moment(job.failed_at),
            order=("failed_at",),
        ),
    ),
    order="-at",
)


@operator_only
def letters(request: StaffRequest) -> HttpResponse:
    asked = LETTERS.ask(request)
    found = search_dead_letters(dead_letters(request.user), asked.text)
    page = "operator/dead_letters.html"
    return show_list(request, LETTERS, asked, found, page=page)


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
