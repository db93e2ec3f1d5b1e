from __future__ import annotations

import uuid

from django.conf import settings
from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from portico.devices.selectors import found_units
from portico.devices.services.bridges import invite_bridge, remove_bridge
from portico.kernel.clock import utcnow
from portico.kernel.errors import NotVisible
from portico.portals.installer.frame import at_home_only, installer_only
from portico.portals.installer.views.sites import site_context
from portico.portals.shared.forms import TypedNameForm
from portico.portals.shared.http import StaffRequest
from portico.portals.shared.lists import plain
from portico.sites.selectors import get_visible_site


@installer_only
def site_bridge(request: StaffRequest, site_id: uuid.UUID) -> HttpResponse:
    context = site_context(request, site_id, "bridge")
    context["found"] = found_units(request.user, context["site"], now=utcnow())
    part = "installer/sites/_bridge.html"
    page = "installer/sites/bridge.html"
    return render(request, part if request.htmx else page, context)


@installer_only
def site_found(request: StaffRequest, site_id: uuid.UUID) -> HttpResponse:
    site = get_visible_site(request.user, site_id)
    found = found_units(request.user, site, now=utcnow())
    context = {"site": site, "found": found}
    return render(request, "installer/sites/_found.html", context)


@require_POST
@at_home_only
def bridge_add(request: StaffRequest, site_id: uuid.UUID) -> HttpResponse:
    context = site_context(request, site_id, "bridge")
    bridge, token = invite_bridge(
        actor=request.user,
        site=context["site"],
        name=plain(request.POST.get("name", ""), 63),
        now=utcnow(),
    )
    server = settings.ENVIRONMENT.public_url.rstrip("/")
    context |= {
        "bridge": bridge,
        "token": token,
        "command_line": f"portico bridge --server {server} --token {token}",
    }
    return render(request, "installer/sites/bridge.html", context)


@at_home_only
def bridge_remove(request: StaffRequest, site_id: uuid.UUID) -> HttpResponse:
    context = site_context(request, site_id, "bridge")
    bridge = context["bridge"]
    if bridge is None:
        raise NotVisible
    form = TypedNameForm(request.POST or None, wanted=bridge.name)
    if request.method == "POST" and form.is_valid():
        remove_bridge(actor=request.user, bridge=bridge, now=utcnow())
        messages.success(request, _("The bridge is removed."))
        return redirect("installer:site_bridge", site_id)
    context["form"] = form
    return render(request, "installer/sites/bridge_remove.html", context)
