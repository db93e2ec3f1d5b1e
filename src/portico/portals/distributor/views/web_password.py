"""A one-time password for the web pages of a device below (ORG-4)."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST

from portico.devices.selectors import get_device_below
from portico.kernel.clock import utcnow
from portico.portals.distributor.frame import distributor_only
from portico.portals.shared.http import StaffRequest
from portico.provisioning.selectors import file_of, web_password_of
from portico.provisioning.services.web_passwords import (
    LIFETIME,
    end_web_password,
    issue_web_password,
)


@never_cache
@distributor_only
def web_password(request: StaffRequest, mac: str) -> HttpResponse:
    """Shown in the answer to the order alone: whoever reloads orders another one."""
    device, shown = get_device_below(request.user, mac), ""
    if request.method == "POST":
        device, shown = issue_web_password(actor=request.user, mac=mac, now=utcnow())
    issued = web_password_of(device)
    context = {
        "device": device,
        "password": shown,
        "issued": issued if issued is not None and issued.ended_at is None else None,
        "file": file_of(device),
        "hours": int(LIFETIME.total_seconds() // 3600),
    }
    return render(request, "distributor/web_password.html", context)


@require_POST
@distributor_only
def web_password_end(request: StaffRequest, mac: str) -> HttpResponse:
    end_web_password(actor=request.user, mac=mac, now=utcnow())
    messages.success(request, _("The password works no longer."))
    return redirect("distributor:web_password", mac)
