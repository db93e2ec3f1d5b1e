from __future__ import annotations

from django.http import HttpResponse
from django.shortcuts import redirect
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.http import require_POST

from portico.portals.shared.http import StaffRequest
from portico.portals.shared.list_choices import hide_columns


@require_POST
def list_columns(request: StaffRequest, name: str) -> HttpResponse:
    """Remember which columns of a list are shown, and go back to it."""
    shown = set(request.POST.getlist("shown"))
    known = request.POST.getlist("known")
    hide_columns(request.user.pk, name[:31], [key for key in known if key not in shown])
    back = request.POST.get("back", "")
    is_ours = back.startswith("/") and url_has_allowed_host_and_scheme(back, None)
    return redirect(back if is_ours else request.portal.url("dashboard"))
