"""Pages that every portal has; each portal mounts them under its own prefix."""

from __future__ import annotations

from django.conf import settings
from django.http import HttpResponse
from django.shortcuts import render

from portico.accounts.selectors import provider_information
from portico.portals.shared.http import StaffRequest
from portico.tenancy.selectors import serves_residents


def privacy(request: StaffRequest) -> HttpResponse:
    context = {
        "version": settings.PRIVACY_POLICY_VERSION,
        "provider": provider_information(request.user),
        "serves": serves_residents(request.membership),
    }
    return render(request, "shared/privacy.html", context)
