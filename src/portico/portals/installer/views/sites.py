from __future__ import annotations

import uuid
from typing import Any

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _

from portico.devices.selectors import (
    bridge_of,
    devices_of_site,
    found_units,
    presence_counts,
    sites_without_bridge,
)
from portico.kernel.clock import utcnow
from portico.kernel.errors import DomainError
from portico.portals.installer.forms.site import SiteForm
from portico.portals.installer.frame import installer_only
from portico.portals.installer.tables import SITES, site_rows
from portico.portals.installer.views.residents import link_sent
from portico.portals.shared.choices import country_name, language_name, zone_names
from portico.portals.shared.forms import blame
from portico.portals.shared.http import StaffRequest
from portico.portals.shared.listing import show_list
from portico.provisioning.selectors import with_files
from portico.sites.enums import AccountState, ServiceTerm, SiteKind
from portico.sites.rules import FREE_MEMBERS, service_state
from portico.sites.selectors import (
    get_visible_site,
    managers_of,
    people_of,
    search_sites,
    sites_in_term,
    sites_with_accounts,
    visible_sites,
)
from portico.sites.services.registration import register_house


@installer_only
def site_list(request: StaffRequest) -> HttpResponse:
    asked = SITES.ask(request)
    houses = visible_sites(request.user).filter(kind=SiteKind.SINGLE_FAMILY)
    found = search_sites(houses, asked.text)
    if asked["bridge"]:
        found = found.filter(pk__in=sites_without_bridge(request.user))
    now = utcnow()
    if asked["service"]:
        found = sites_in_term(found, ServiceTerm(asked["service"]), now=now)
    if asked["accounts"]:
        found = sites_with_accounts(found, AccountState(asked["accounts"]), now=now)
    rows = found.prefetch_related("entitlements")
    page = "installer/sites/list.html"
    return show_list(request, SITES, asked, rows, items=site_rows, page=page)


@installer_only
def site_new(request: StaffRequest) -> HttpResponse:
    zone = request.membership.organization.time_zone
    form = SiteForm(request.POST or None, company_zone=zone)
    if request.method == "POST" and form.is_valid():
        try:
            site = register_house(
                actor=request.user, data=form.data_for_service(), now=utcnow()
            )
        except DomainError as error:
            blame(form, error)
        else:
            text = _("%(house)s is created. Now add its devices.")
            sent = link_sent(people_of(site)[0].user)
            messages.success(request, f"{text % {'house': site.room_name}} {sent}")
            return redirect("installer:site_devices", site.pk)
    context = {"form": form, "zones": zone_names()}
    return render(request, "installer/sites/new.html", context)


def site_context(request: StaffRequest, site_id: uuid.UUID, tab: str) -> dict[str, Any]:
    """What the header and the tabs of a house's pages need.

    :raises NotVisible: no house of this installer.
    """
    site = get_visible_site(request.user, site_id)
    return {
        "site": site,
        "tab": tab,
        "live_stream": f"/live/site/{site.pk}",
        "service": service_state(site.entitlements.all(), utcnow()),
        "presence": presence_counts(devices_of_site(site)),
        "bridge": bridge_of(site),
    }


@installer_only
def site_people(request: StaffRequest, site_id: uuid.UUID) -> HttpResponse:
    context = site_context(request, site_id, "people")
    site = context["site"]
    context["language"] = language_name(site.language)
    if site.is_community:
        context["country"] = country_name(site.country)
        context["managers"] = managers_of(site)
        return render(request, "installer/communities/overview.html", context)
    context |= {"people": people_of(site), "free": FREE_MEMBERS}
    return render(request, "installer/sites/people.html", context)


@installer_only
def site_devices(request: StaffRequest, site_id: uuid.UUID) -> HttpResponse:
    context = site_context(request, site_id, "devices")
    context["devices"] = with_files(devices_of_site(context["site"]))
    if not request.htmx:
        context["found"] = found_units(request.user, context["site"], now=utcnow())
    part = "installer/sites/_devices.html"
    page = "installer/sites/devices.html"
    return render(request, part if request.htmx else page, context)
