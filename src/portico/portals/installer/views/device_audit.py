"""What people have done to one device."""

from __future__ import annotations

from dataclasses import replace

from django.http import HttpResponse

from portico.audit.selectors import filter_audit, newest_first
from portico.portals.installer.frame import installer_only
from portico.portals.installer.views.device_page import device_context
from portico.portals.shared.http import StaffRequest
from portico.portals.shared.listing import show_list
from portico.portals.shared.views.audit import OWN_AUDIT, audit_lines
from portico.tenancy.selectors import audit_of

_OF_DEVICE = replace(OWN_AUDIT, name="device_audit", filters=())


@installer_only
def device_audit(request: StaffRequest, mac: str) -> HttpResponse:
    context = device_context(request, mac, "audit")
    asked = _OF_DEVICE.ask(request)
    found = filter_audit(audit_of(request.user, context["device"]), text=asked.text)
    page = "installer/device/audit.html"
    return show_list(
        request,
        _OF_DEVICE,
        asked,
        newest_first(found),
        items=audit_lines,
        page=page,
        context=context,
    )
