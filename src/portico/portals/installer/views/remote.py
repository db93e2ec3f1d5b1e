"""The Remote tab of a device: its own web pages through the house's bridge (REM-2)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from csp.decorators import csp_update
from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import redirect, render
from django.views.decorators.http import require_POST

from portico.devices.selectors import get_visible_device
from portico.kernel.clock import utcnow
from portico.portals.installer.frame import at_home_only, installer_only
from portico.portals.installer.views.device_page import device_context
from portico.portals.installer.views.maintenance import maintenance_context
from portico.portals.shared.http import StaffRequest
from portico.remote.errors import RemoteUnavailable
from portico.remote.rules import ENTER_PATH, LIFETIME, origin_of
from portico.remote.selectors import (
    get_visible_session,
    latest_sessions,
)
from portico.remote.services.sessions import (
    Entry,
    end_session,
    open_session,
    renew_entry,
)

if TYPE_CHECKING:
    import uuid


def remote_context(request: StaffRequest, context: dict[str, Any]) -> dict[str, Any]:
    """What the part of remote control needs on a device's page."""
    session = context["remote_session"]
    return {
        "has_remote_host": bool(settings.ENVIRONMENT.remote_base),
        "is_own_session": session is not None
        and session.opened_by_id == request.user.pk,
        "remote_sessions": latest_sessions(context["device"], utcnow()),
        "remote_minutes": int(LIFETIME.total_seconds() // 60),
    }


@installer_only
def remote(request: StaffRequest, mac: str) -> HttpResponse:
    context = device_context(request, mac, "remote")
    context |= remote_context(request, context)
    context |= maintenance_context(context["device"], is_bridged=context["is_bridged"])
    page = render(request, "installer/device/remote.html", context)
    return _leading_there(request, page)


@installer_only
def remote_control(request: StaffRequest, mac: str) -> HttpResponse:
    """The part alone; a POST opens a session and leads there, in a tab of its own."""
    if request.method == "POST":
        return _open(request, mac)
    context = device_context(request, mac, "remote")
    context |= remote_context(request, context)
    return render(request, "installer/device/_remote_control.html", context)


@at_home_only
def _open(request: StaffRequest, mac: str) -> HttpResponse:
    device = get_visible_device(request.user, mac)
    _check_host()
    return _to_entry(open_session(actor=request.user, device=device, now=utcnow()))


@require_POST
@at_home_only
def remote_enter(
    request: StaffRequest, mac: str, session_id: uuid.UUID
) -> HttpResponse:
    session = get_visible_session(request.user, mac, session_id)
    _check_host()
    entry = renew_entry(actor=request.user, session=session, now=utcnow())
    return _to_entry(entry)


@require_POST
@installer_only
def remote_end(request: StaffRequest, mac: str, session_id: uuid.UUID) -> HttpResponse:
    session = get_visible_session(request.user, mac, session_id)
    end_session(actor=request.user, session=session, now=utcnow())
    return redirect("installer:device_remote", mac)


def _leading_there(request: StaffRequest, page: HttpResponse) -> HttpResponse:
    """Let ``page``'s forms lead to sessions: a policy holds for redirects as well."""
    scheme, _, host = settings.ENVIRONMENT.remote_base.partition("://")
    if not host:
        return page

    @csp_update({"form-action": [f"{scheme}://*.{host}"]})
    def shown(_request: HttpRequest) -> HttpResponse:
        return page

    shown(request)
    return page


def _check_host() -> None:
    """:raises RemoteUnavailable: this installation has no host name for it."""
    if not settings.ENVIRONMENT.remote_base:
        raise RemoteUnavailable


def _to_entry(entry: Entry) -> HttpResponse:
    origin = origin_of(settings.ENVIRONMENT.remote_base, entry.session.label)
    query = urlencode({"token": entry.token})
    response = HttpResponseRedirect(f"{origin}{ENTER_PATH}?{query}")
    response["Referrer-Policy"] = "no-referrer"
    response["Cache-Control"] = "no-store"
    return response
