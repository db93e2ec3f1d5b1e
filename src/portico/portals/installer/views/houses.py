"""A house's form: new in three steps, and its settings."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _

from portico.devices.selectors import cameras_of_site, devices_of_site
from portico.houses.services.saving import save_house
from portico.houses.services.turnover import delete_house, reset_house
from portico.kernel.clock import utcnow
from portico.kernel.errors import DomainError, NotVisible
from portico.portals.installer.forms.site import (
    OptionsForm,
    SiteForm,
    initial_options,
)
from portico.portals.installer.forms.site_steps import HouseDraft
from portico.portals.installer.frame import at_home_only, installer_only
from portico.portals.installer.views.residents import welcomed
from portico.portals.installer.views.sites import site_context
from portico.portals.shared.choices import zone_names
from portico.portals.shared.forms import TypedNameForm, blame
from portico.portals.shared.http import StaffRequest
from portico.portals.shared.money import monthly_prices
from portico.sites.links import links_at, links_of
from portico.sites.selectors import get_visible_site, people_of, video_plan_of
from portico.sites.services.registration import register_house

if TYPE_CHECKING:
    from portico.sites.models import Site


def _portal() -> str:
    address: str = settings.ENVIRONMENT.smart_home_url
    return address


@installer_only
def site_new(request: StaffRequest) -> HttpResponse:
    draft = HouseDraft(
        request.POST if request.method == "POST" else None,
        actor=request.user,
        company_zone=request.membership.organization.time_zone,
        portal=_portal(),
    )
    if draft.is_complete:
        site = _register(request, draft)
        if site is not None:
            return redirect("installer:site_devices", site.pk)
    context = {"draft": draft, "zones": zone_names(), "prices": monthly_prices()}
    return render(request, f"installer/houses/new_{draft.step}.html", context)


def _register(request: StaffRequest, draft: HouseDraft) -> Site | None:
    try:
        site = register_house(actor=request.user, data=draft.house_data(), now=utcnow())
    except DomainError as error:
        draft.blame(error)
        return None
    text = _("%(house)s is created. Now add its devices.")
    sent = welcomed(people_of(site)[0].user)
    messages.success(request, f"{text % {'house': site.room_name}} {sent}")
    return site


@at_home_only
def site_settings(request: StaffRequest, site_id: uuid.UUID) -> HttpResponse:
    context = site_context(request, site_id, "settings")
    site = context["site"]
    if site.is_community:
        raise NotVisible
    context |= _settings_forms(request, site)
    house, options = context["form"], context["options"]
    if request.method == "POST" and house.is_valid() and options.is_valid():
        try:
            save_house(
                actor=request.user,
                site=site,
                data=house.house_data(options),
                recording=options.device_ids(),
                version=house.cleaned_data["version"],
                master_version=house.cleaned_data["master_version"],
                now=utcnow(),
            )
        except DomainError as error:
            blame(options if error.field in options.fields else house, error)
        else:
            messages.success(request, _("Saved."))
            return redirect("installer:site_settings", site.pk)
    return render(request, "installer/houses/settings.html", context)


def _settings_forms(request: StaffRequest, site: Site) -> dict[str, Any]:
    posted = request.POST or None
    cameras = list(cameras_of_site(site))
    recording = [device.pk for device in cameras if device.stores_video]
    zone = request.membership.organization.time_zone
    master = people_of(site)[0]
    options = OptionsForm(
        posted,
        devices=[(str(device.pk), device.name) for device in cameras],
        portal=_portal(),
        initial=initial_options(site, video_plan_of(site), recording),
    )
    return {
        "form": SiteForm(
            posted,
            company_zone=zone,
            site=site,
            master=master,
            links=links_of(request.user, master),
        ),
        "options": options,
        "master": master,
        "zones": zone_names(),
        "prices": monthly_prices(),
    }


@at_home_only
def site_reset(request: StaffRequest, site_id: uuid.UUID) -> HttpResponse:
    site = _house(request, site_id)
    form = TypedNameForm(request.POST or None, wanted=site.room_name)
    if request.method == "POST" and form.is_valid():
        reset_house(actor=request.user, site=site, now=utcnow())
        text = _("%(house)s is empty. Enter the new tenant's email or mobile number.")
        messages.success(request, text % {"house": site.room_name})
        return redirect("installer:site_settings", site.pk)
    context = {"site": site, "form": form, "people": people_of(site)}
    context |= _who_goes(request, site)
    return render(request, "installer/houses/reset.html", context)


@at_home_only
def site_delete(request: StaffRequest, site_id: uuid.UUID) -> HttpResponse:
    site = _house(request, site_id)
    form = TypedNameForm(request.POST or None, wanted=site.room_name)
    if request.method == "POST" and form.is_valid():
        delete_house(actor=request.user, site=site, now=utcnow())
        text = _("%(name)s is deleted.") % {"name": site.room_name}
        messages.success(request, text)
        return redirect("installer:sites")
    context = {
        "site": site,
        "form": form,
        "devices": devices_of_site(site),
    }
    context |= _who_goes(request, site)
    return render(request, "installer/houses/delete.html", context)


def _who_goes(request: StaffRequest, site: Site) -> dict[str, str]:
    """Whose accounts go with the house, and whose stay with other houses."""
    links, users = links_at(request.user, site), [p.user for p in people_of(site)]
    return {
        "going": ", ".join(user.name for user in users if user.pk not in links),
        "staying": ", ".join(user.name for user in users if user.pk in links),
    }


def _house(request: StaffRequest, site_id: uuid.UUID) -> Site:
    site = get_visible_site(request.user, site_id)
    if site.is_community:
        raise NotVisible
    return site
