from __future__ import annotations

from django.http import HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _

from portico.devices.selectors import mac_counts
from portico.portals.distributor.frame import distributor_only
from portico.portals.shared.figures import Bar, Part
from portico.portals.shared.http import StaffRequest
from portico.portals.shared.views.overview import overview
from portico.tenancy.enums import OrganizationKind


@distributor_only
def dashboard(request: StaffRequest) -> HttpResponse:
    context = overview(request)
    context["nothing_to_do"] = not any(context["todo"].values())
    if request.membership.organization.kind == OrganizationKind.DISTRIBUTOR:
        context["macs"] = _mac_bar(request)
    return render(request, "distributor/dashboard.html", context)


def _mac_bar(request: StaffRequest) -> Bar:
    (free, used), url = mac_counts(request.user), reverse("distributor:mac_library")
    return Bar(
        [
            Part(_("Free"), free, "green", f"{url}?state=free"),
            Part(_("Used"), used, "blue", f"{url}?state=used"),
        ]
    )
