"""Temp keys and schedules of a house (LOG-1, LOG-2)."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Any

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from portico.access.enums import KeyState
from portico.access.links import visitor_word
from portico.access.rules import is_on_units, key_state
from portico.access.selectors import (
    access_by_device,
    door_uses,
    entries_of_key,
    get_key_of_site,
    get_schedule,
    keys_in_state,
    keys_of_site,
    premium_runs,
    relays_of,
    schedules_of,
)
from portico.access.services.schedules import (
    add_schedule,
    change_schedule,
    remove_schedule,
)
from portico.access.services.temp_keys import (
    create_courier_key,
    create_temp_key,
    revoke_temp_key,
    shown_code,
)
from portico.devices.enums import RelayKind
from portico.devices.selectors import bridge_of
from portico.kernel.clock import utcnow
from portico.kernel.errors import DomainError, NotVisible
from portico.portals.installer.forms.access import (
    ScheduleForm,
    VisitorKeyForm,
    initial_schedule,
)
from portico.portals.installer.frame import at_home_only
from portico.portals.installer.key_tables import KEYS, key_rows
from portico.portals.installer.views.sites import site_context
from portico.portals.shared.codes import not_kept, qr_picture
from portico.portals.shared.forms import blame
from portico.portals.shared.http import StaffRequest
from portico.portals.shared.listing import show_list
from portico.sites.selectors import get_visible_site

if TYPE_CHECKING:
    from portico.access.models import TempKey
    from portico.sites.models import Site


def _house(request: StaffRequest, site_id: uuid.UUID) -> Site:
    """:raises NotVisible: no house of this installer."""
    site = get_visible_site(request.user, site_id)
    if site.is_community:
        raise NotVisible
    return site


@at_home_only
def key_list(request: StaffRequest, site_id: uuid.UUID) -> HttpResponse:
    site = _house(request, site_id)
    asked = KEYS.ask(request)
    rows = keys_of_site(site)
    if asked.text:
        rows = rows.filter(name__icontains=asked.text)
    if asked["state"]:
        rows = keys_in_state(rows, KeyState(asked["state"]), utcnow())
    if asked["repeat"]:
        rows = rows.filter(repeat=asked["repeat"])
    page = "installer/access/keys.html"
    context = site_context(request, site_id, "access")
    return show_list(
        request, KEYS, asked, rows, page=page, items=key_rows, context=context
    )


@at_home_only
def key_new(request: StaffRequest, site_id: uuid.UUID) -> HttpResponse:
    site = _house(request, site_id)
    # Bridges open local relays for guests.
    doors = [one for one in relays_of([site]) if one.kind == RelayKind.LOCAL]
    form = VisitorKeyForm(request.POST or None, site=site, relays=doors)
    if request.method == "POST" and form.is_valid():
        try:
            key = create_temp_key(
                actor=request.user, site=site, now=utcnow(), **form.key_data()
            )
        except DomainError as error:
            blame(form, error)
        else:
            return redirect("installer:temp_key", site.pk, key.pk)
    context = {"site": site, "form": form, "doors": doors}
    return render(request, "installer/access/key_form.html", context)


@require_POST
@at_home_only
def key_courier(request: StaffRequest, site_id: uuid.UUID) -> HttpResponse:
    site = _house(request, site_id)
    try:
        key = create_courier_key(actor=request.user, site=site, now=utcnow())
    except DomainError as error:
        messages.error(request, str(error))
        return redirect("installer:temp_keys", site.pk)
    return redirect("installer:temp_key", site.pk, key.pk)


@at_home_only
def key_details(request: StaffRequest, site_id: uuid.UUID, key_id: int) -> HttpResponse:
    site = _house(request, site_id)
    context = _details(site, get_key_of_site(site, key_id))
    part = "installer/access/_key_state.html"
    page = "installer/access/key.html"
    page = part if request.htmx else page
    if context["key"].is_dynamic:
        word = visitor_word(context["key"])
        context["link"] = request.build_absolute_uri(
            reverse("visitor_key", args=[word])
        )
    return not_kept(render(request, page, context))


@at_home_only
def key_qr(request: StaffRequest, site_id: uuid.UUID, key_id: int) -> HttpResponse:
    key = get_key_of_site(_house(request, site_id), key_id)
    if key.revoked_at is not None:
        raise NotVisible
    return qr_picture(shown_code(key, utcnow()))


@require_POST
@at_home_only
def key_revoke(request: StaffRequest, site_id: uuid.UUID, key_id: int) -> HttpResponse:
    key = get_key_of_site(_house(request, site_id), key_id)
    revoke_temp_key(actor=request.user, key=key, now=utcnow())
    messages.success(request, _("%(name)s is revoked.") % {"name": key.name})
    return redirect("installer:temp_key", site_id, key_id)


def _details(site: Site, key: TempKey) -> dict[str, Any]:
    uses = door_uses([key.pk])
    relays = list(key.relays.all())
    return {
        "site": site,
        "key": key,
        "state": key_state(key, utcnow()),
        "is_on_units": is_on_units(key),
        "has_premium": premium_runs(site, utcnow()),
        "doors": [(relay, uses.get((key.pk, relay.pk), 0)) for relay in relays],
        "entries": entries_of_key(key),
        "accesses": access_by_device(site),
        "bridge": bridge_of(site),
        "live_stream": f"/live/site/{site.pk}",
    }


@at_home_only
def schedule_list(request: StaffRequest, site_id: uuid.UUID) -> HttpResponse:
    site = _house(request, site_id)
    context = site_context(request, site_id, "access")
    context["schedules"] = schedules_of(site)
    return render(request, "installer/access/schedules.html", context)


@at_home_only
def schedule_new(request: StaffRequest, site_id: uuid.UUID) -> HttpResponse:
    site = _house(request, site_id)
    form = ScheduleForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            add_schedule(
                actor=request.user, site=site, data=form.schedule_data(), now=utcnow()
            )
        except DomainError as error:
            blame(form, error)
        else:
            messages.success(request, _("Saved."))
            return redirect("installer:schedules", site.pk)
    context = {"site": site, "form": form}
    return render(request, "installer/access/schedule_form.html", context)


@at_home_only
def schedule_edit(
    request: StaffRequest, site_id: uuid.UUID, schedule_id: int
) -> HttpResponse:
    site = _house(request, site_id)
    schedule = get_schedule(site, schedule_id)
    form = ScheduleForm(request.POST or None, initial=initial_schedule(schedule))
    if request.method == "POST" and form.is_valid():
        try:
            change_schedule(
                actor=request.user,
                schedule=schedule,
                data=form.schedule_data(),
                version=form.cleaned_data["version"],
                now=utcnow(),
            )
        except DomainError as error:
            blame(form, error)
        else:
            messages.success(request, _("Saved. The devices are told."))
            return redirect("installer:schedules", site.pk)
    context = {"site": site, "form": form, "schedule": schedule}
    return render(request, "installer/access/schedule_form.html", context)


@require_POST
@at_home_only
def schedule_delete(
    request: StaffRequest, site_id: uuid.UUID, schedule_id: int
) -> HttpResponse:
    site = _house(request, site_id)
    schedule = get_schedule(site, schedule_id)
    try:
        remove_schedule(actor=request.user, schedule=schedule, now=utcnow())
    except DomainError as error:
        messages.error(request, str(error))
    else:
        messages.success(request, _("Deleted."))
    return redirect("installer:schedules", site.pk)
