from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from portico.devices.rules import likely_range, why_no_scan
from portico.devices.selectors import (
    bridge_of,
    found_units,
    known_addresses,
    latest_scan,
)
from portico.devices.services.bridges import invite_bridge, remove_bridge
from portico.devices.services.scans import look_for_units
from portico.kernel.clock import utcnow
from portico.kernel.errors import DomainError, NotVisible
from portico.portals.installer.forms.look import LookForm
from portico.portals.installer.frame import at_home_only, installer_only
from portico.portals.installer.views.sites import site_context
from portico.portals.shared.forms import TypedNameForm, blame
from portico.portals.shared.http import StaffRequest
from portico.portals.shared.lists import plain
from portico.sites.selectors import get_visible_site

if TYPE_CHECKING:
    from portico.devices.models import Bridge
    from portico.sites.models import Site


@installer_only
def site_bridge(request: StaffRequest, site_id: uuid.UUID) -> HttpResponse:
    context = site_context(request, site_id, "bridge")
    if request.htmx:
        return render(request, "installer/sites/_bridge.html", context)
    return _drawn(request, context)


def _drawn(
    request: StaffRequest, context: dict[str, Any], form: LookForm | None = None
) -> HttpResponse:
    site, bridge = context["site"], context["bridge"]
    context |= _look_part(site, bridge)
    scan = context["scan"]
    likely = (
        (scan.first, scan.last) if scan else likely_range(known_addresses(site, bridge))
    )
    context["look_form"] = form or LookForm(likely=likely)
    context["found"] = found_units(request.user, site, now=utcnow())
    return render(request, "installer/sites/bridge.html", context)


def _look_part(site: Site, bridge: Bridge | None) -> dict[str, Any]:
    return {"look_blocked": why_no_scan(bridge), "scan": latest_scan(site)}


@installer_only
def site_look(request: StaffRequest, site_id: uuid.UUID) -> HttpResponse:
    """How far the bridge has looked; a POST has it look."""
    if request.method != "POST":
        site = get_visible_site(request.user, site_id)
        if not request.htmx:
            return redirect("installer:site_bridge", site_id)
        part = _look_part(site, bridge_of(site)) | {"site": site}
        return render(request, "installer/sites/_look_state.html", part)
    context = site_context(request, site_id, "bridge")
    form = LookForm(request.POST)
    if form.is_valid():
        try:
            look_for_units(
                actor=request.user,
                site=context["site"],
                **form.cleaned_data,
                idempotency_key=plain(request.POST.get("key", ""), 63),
                now=utcnow(),
            )
        except DomainError as error:
            blame(form, error)
        else:
            return redirect("installer:site_bridge", site_id)
    return _drawn(request, context, form)


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
