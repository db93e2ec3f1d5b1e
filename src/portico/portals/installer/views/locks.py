"""The third-party locks of a house: the tab, New, and Open (DEV-6)."""

from __future__ import annotations

import uuid

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from portico.devices.enums import CommandChannel
from portico.kernel.clock import utcnow
from portico.kernel.errors import DomainError, NotVisible
from portico.locks.selectors import (
    free_locks,
    get_own_lock,
    get_visible_lock,
    get_visible_opening,
    latest_openings,
    locks_of_site,
)
from portico.locks.services.accounts import assign_lock
from portico.locks.services.opening import request_open
from portico.portals.installer.frame import installer_only, owner_only
from portico.portals.installer.views.device_page import LIFE_SHOWN
from portico.portals.installer.views.sites import site_context
from portico.portals.shared.http import StaffRequest
from portico.portals.shared.lists import page_of, plain, whole_number
from portico.sites.selectors import get_visible_site
from portico.tenancy.enums import Role


@installer_only
def lock_list(request: StaffRequest, site_id: uuid.UUID) -> HttpResponse:
    site = get_visible_site(request.user, site_id)
    if site.is_community:
        raise NotVisible
    locks = list(locks_of_site(site))
    context = {
        "site": site,
        "locks": locks,
        "openings": latest_openings(locks, since=utcnow() - LIFE_SHOWN),
        "is_owner": request.membership.role == Role.OWNER,
    }
    if request.htmx:
        return render(request, "installer/locks/_locks.html", context)
    context = site_context(request, site_id, "devices") | context
    return render(request, "installer/locks/list.html", context)


@owner_only
def lock_new(request: StaffRequest, site_id: uuid.UUID) -> HttpResponse:
    """Give one of the company's free locks to the house."""
    site = get_visible_site(request.user, site_id)
    if site.is_community:
        raise NotVisible
    if request.method == "POST":
        lock_id = whole_number(request.POST.get("lock", ""))
        lock = get_own_lock(request.user, lock_id or 0)
        try:
            assign_lock(actor=request.user, lock=lock, site=site, now=utcnow())
        except DomainError as error:
            messages.error(request, str(error))
            return redirect("installer:lock_new", site.pk)
        messages.success(request, _("%(name)s is added.") % {"name": lock.name})
        return redirect("installer:site_locks", site.pk)
    context = {"site": site, "page": page_of(request, free_locks(request.user))}
    return render(request, "installer/locks/new.html", context)


@require_POST
@installer_only
def open_lock(request: StaffRequest, site_id: uuid.UUID, lock_id: int) -> HttpResponse:
    lock = get_visible_lock(request.user, site_id, lock_id)
    command = request_open(
        actor=request.user,
        lock=lock,
        channel=CommandChannel.PORTAL,
        idempotency_key=plain(request.POST.get("key", ""), 63),
        now=utcnow(),
    )
    if not request.htmx:
        return redirect("installer:site_locks", site_id)
    return render(request, "installer/locks/_life.html", {"command": command})


@installer_only
def opening_life(request: StaffRequest, opening_id: uuid.UUID) -> HttpResponse:
    command = get_visible_opening(request.user, opening_id)
    if request.GET.get("shown", "") == command.state:
        return HttpResponse(status=204)  # as it was: leave the page alone
    return render(request, "installer/locks/_life.html", {"command": command})
