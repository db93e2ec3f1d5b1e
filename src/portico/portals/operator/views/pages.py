from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.db import connection
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _

from portico.devices.selectors import platform_numbers
from portico.events.selectors import waiting_events
from portico.jobs.enums import JobState
from portico.jobs.selectors import counts_by_state, oldest_due
from portico.kernel.clock import utcnow
from portico.portals.operator.frame import operator_only
from portico.portals.shared.http import StaffRequest
from portico.portals.shared.views.overview import overview
from portico.tenancy.selectors import platform_settings
from portico.tenancy.services.platform import switch_app_api


def _health(request: StaffRequest) -> dict[str, Any]:
    jobs = counts_by_state()
    return {
        "numbers": platform_numbers(request.user),
        "jobs_waiting": jobs.get(JobState.WAITING, 0),
        "jobs_running": jobs.get(JobState.RUNNING, 0),
        "jobs_dead": jobs.get(JobState.DEAD, 0),
        "oldest_due": oldest_due(utcnow()),
        "events_waiting": waiting_events(),
        "database": connection.vendor,
    }


@operator_only
def dashboard(request: StaffRequest) -> HttpResponse:
    context = _health(request) | overview(request)
    context["app_api"] = platform_settings().app_api_enabled
    context["todo"] |= {
        "letters": context["jobs_dead"],
        "units": context["never_seen"],
    }
    context["nothing_to_do"] = not any(context["todo"].values())
    return render(request, "operator/dashboard.html", context)


@operator_only
def health(request: StaffRequest) -> HttpResponse:
    part = "operator/_health.html"
    page = "operator/health.html"
    return render(request, part if request.htmx else page, _health(request))


@operator_only
def app_api(request: StaffRequest) -> HttpResponse:
    if request.method == "POST":
        enabled = request.POST.get("enabled") == "yes"
        switch_app_api(actor=request.user, enabled=enabled, now=utcnow())
        on, off = _("The app API is switched on."), _("The app API is switched off.")
        messages.success(request, on if enabled else off)
        return redirect("operator:app_api")
    context = {"enabled": platform_settings().app_api_enabled}
    return render(request, "operator/app_api.html", context)
