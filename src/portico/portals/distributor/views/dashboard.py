from __future__ import annotations

from django.http import HttpResponse
from django.shortcuts import render

from portico.devices.selectors import mac_counts
from portico.portals.distributor.frame import distributor_only
from portico.portals.shared.http import StaffRequest
from portico.tenancy.enums import OrganizationKind
from portico.tenancy.selectors import visible_organizations


@distributor_only
def dashboard(request: StaffRequest) -> HttpResponse:
    organization = request.membership.organization
    below = visible_organizations(request.user).exclude(pk=organization.pk)
    context = {
        "companies": below.order_by("name", "pk")[:100],
        "owns_library": organization.kind == OrganizationKind.DISTRIBUTOR,
        "macs": mac_counts(request.user),
    }
    return render(request, "distributor/dashboard.html", context)
