from __future__ import annotations

import uuid
from typing import Any

from django.conf import settings
from django.http import HttpResponse
from django.shortcuts import render

from portico.devices.catalogue import all_models
from portico.devices.selectors import (
    bridge_of,
    devices_of_site,
    found_units,
    presence_counts,
    sites_without_bridge,
    waiting_wipes,
)
from portico.firmware.newest import newest_versions
from portico.houses.commissioning import commissioning_of
from portico.kernel.clock import utcnow
from portico.kernel.errors import NotVisible
from portico.portals.installer.frame import installer_only
from portico.portals.installer.tables import SITES, site_rows
from portico.portals.shared.choices import country_name, language_name
from portico.portals.shared.http import StaffRequest
from portico.portals.shared.listing import show_list
from portico.portals.shared.money import monthly_prices
from portico.portals.shared.services import service_lines
from portico.portals.shared.tables import moment
from portico.portals.shared.weather import shown_weather
from portico.provisioning.selectors import with_files
from portico.sites.enums import AccountState, Feature, ServiceTerm, SiteKind
from portico.sites.links import all_of, links_at
from portico.sites.rules import (
    clips_of,
    live_landlines,
    served_people,
    service,
    smart_home_address,
)
from portico.sites.selectors import (
    entitlements_of,
    get_visible_site,
    managers_of,
    people_of,
    search_sites,
    sites_in_term,
    sites_with_accounts,
    video_plan_of,
    visible_sites,
)


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


def site_context(request: StaffRequest, site_id: uuid.UUID, tab: str) -> dict[str, Any]:
    """What the header and the tabs of a house's pages need.

    :raises NotVisible: no house of this installer.
    """
    site, now = get_visible_site(request.user, site_id), utcnow()
    links = links_at(request.user, site)
    entitlements = list(entitlements_of(site))
    return {
        "site": site,
        "tab": tab,
        "live_stream": f"/live/site/{site.pk}",
        "service": service(entitlements, Feature.APP, now),
        "premium": service(entitlements, Feature.PREMIUM, now),
        "presence": presence_counts(devices_of_site(site)),
        "bridge": bridge_of(site),
        "weather": shown_weather(site, now),
        "links": links,
        "linked": all_of(links.values()),
        "commissioning": None if site.is_community else commissioning_of(site),
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
    people = list(people_of(site))
    context |= {
        "people": people,
        "lines": [(person, context["links"].get(person.user_id)) for person in people],
        "served": served_people(site, people, entitlements_of(site), utcnow()),
        "landlines": live_landlines(site, entitlements_of(site), utcnow()),
        "smart_home": smart_home_address(site, settings.ENVIRONMENT.smart_home_url),
        "extra_price": monthly_prices()[Feature.ADDITIONAL_APP],
    }
    return render(request, "installer/sites/people.html", context)


@installer_only
def site_services(request: StaffRequest, site_id: uuid.UUID) -> HttpResponse:
    context = site_context(request, site_id, "services")
    site, now = context["site"], utcnow()
    if site.is_community:
        raise NotVisible
    clips = clips_of(entitlements_of(site), now)
    context |= {
        "lines": service_lines(site, now),
        "clips": clips,
        "until_words": moment(clips.until) if clips.until else "",
        "video_plan": video_plan_of(site),
    }
    return render(request, "installer/sites/services.html", context)


@installer_only
def site_devices(request: StaffRequest, site_id: uuid.UUID) -> HttpResponse:
    context = site_context(request, site_id, "devices")
    context["devices"] = with_files(devices_of_site(context["site"]))
    context["newest"] = newest_versions([*all_models()])
    if not request.htmx:
        context["found"] = found_units(request.user, context["site"], now=utcnow())
        context["wipes"] = waiting_wipes(context["site"])
    part = "installer/sites/_devices.html"
    page = "installer/sites/devices.html"
    return render(request, part if request.htmx else page, context)


@installer_only
def site_wipes(request: StaffRequest, site_id: uuid.UUID) -> HttpResponse:
    """Which devices are still to be cleared after a reset, as a part of the page."""
    site = get_visible_site(request.user, site_id)
    context = {"site": site, "bridge": bridge_of(site), "wipes": waiting_wipes(site)}
    return render(request, "installer/sites/_wipes.html", context)
