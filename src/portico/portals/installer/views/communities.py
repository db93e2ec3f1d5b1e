from __future__ import annotations

import uuid
from typing import TYPE_CHECKING

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _

from portico.devices.selectors import sites_without_bridge
from portico.kernel.clock import utcnow
from portico.kernel.errors import DomainError, NotVisible
from portico.portals.installer.forms.community import CommunityForm
from portico.portals.installer.frame import installer_only
from portico.portals.installer.tables import COMMUNITIES, community_rows
from portico.portals.shared.choices import zone_names
from portico.portals.shared.forms import TypedNameForm, blame
from portico.portals.shared.http import StaffRequest
from portico.portals.shared.listing import show_list
from portico.sites.enums import SiteKind
from portico.sites.selectors import get_visible_site, search_sites, visible_sites
from portico.sites.services.communities import (
    change_community,
    delete_community,
    register_community,
)

if TYPE_CHECKING:
    from portico.sites.models import Site


@installer_only
def community_list(request: StaffRequest) -> HttpResponse:
    asked = COMMUNITIES.ask(request)
    mine = visible_sites(request.user).filter(kind=SiteKind.COMMUNITY)
    found = search_sites(mine, asked.text)
    if asked["bridge"]:
        found = found.filter(pk__in=sites_without_bridge(request.user))
    page = "installer/communities/list.html"
    return show_list(
        request, COMMUNITIES, asked, found, items=community_rows, page=page
    )


@installer_only
def community_new(request: StaffRequest) -> HttpResponse:
    zone = request.membership.organization.time_zone
    form = CommunityForm(request.POST or None, company_zone=zone)
    if request.method == "POST" and form.is_valid():
        data = form.community_data()
        site = register_community(actor=request.user, data=data, now=utcnow())
        text = _("%(name)s is created. Now add its devices.")
        messages.success(request, text % {"name": site.name})
        return redirect("installer:site_devices", site.pk)
    context = {"form": form, "zones": zone_names()}
    return render(request, "installer/communities/form.html", context)


@installer_only
def community_edit(request: StaffRequest, site_id: uuid.UUID) -> HttpResponse:
    site = _community(request, site_id)
    zone = request.membership.organization.time_zone
    form = CommunityForm(request.POST or None, company_zone=zone, site=site)
    if request.method == "POST" and form.is_valid():
        try:
            change_community(
                actor=request.user,
                site=site,
                data=form.community_data(),
                version=form.cleaned_data["version"],
                now=utcnow(),
            )
        except DomainError as error:
            blame(form, error)
        else:
            messages.success(request, _("Saved."))
            return redirect("installer:site", site.pk)
    context = {"form": form, "site": site, "zones": zone_names()}
    return render(request, "installer/communities/form.html", context)


@installer_only
def community_delete(request: StaffRequest, site_id: uuid.UUID) -> HttpResponse:
    site = _community(request, site_id)
    form = TypedNameForm(request.POST or None, wanted=site.name)
    if request.method == "POST" and form.is_valid():
        try:
            delete_community(actor=request.user, site=site, now=utcnow())
        except DomainError as error:
            blame(form, error)
        else:
            text = _("%(name)s is deleted.") % {"name": site.name}
            messages.success(request, text)
            return redirect("installer:communities")
    context = {"form": form, "site": site}
    return render(request, "installer/communities/delete.html", context)


def _community(request: StaffRequest, site_id: uuid.UUID) -> Site:
    site = get_visible_site(request.user, site_id)
    if not site.is_community:
        raise NotVisible
    return site
