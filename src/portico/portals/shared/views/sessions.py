from __future__ import annotations

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from portico.accounts.selectors import portal_sessions
from portico.accounts.services.portal_sessions import end_other_sessions, end_session
from portico.kernel.clock import utcnow
from portico.portals.shared.http import StaffRequest
from portico.portals.shared.visits import renew_visit


def sessions(request: StaffRequest) -> HttpResponse:
    rows = portal_sessions(request.user)
    context = {"sessions": rows, "here": request.session.session_key}
    return render(request, "shared/sessions.html", context)


@require_POST
def session_end(request: StaffRequest, session_id: int) -> HttpResponse:
    end_session(user=request.user, session_id=session_id, now=utcnow())
    messages.success(request, _("That session is signed out."))
    return redirect(request.portal.url("sessions"))


@require_POST
def sessions_end_others(request: StaffRequest) -> HttpResponse:
    end_other_sessions(user=request.user, now=utcnow())
    renew_visit(request, request.user)
    messages.success(request, _("All other sessions are signed out."))
    return redirect(request.portal.url("sessions"))
