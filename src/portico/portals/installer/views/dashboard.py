from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from django.http import HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone

from portico.devices.selectors import (
    bridgeless_counts,
    devices_to_sort,
    offline_longer,
    presence_counts,
    visible_devices,
)
from portico.events.selectors import (
    activity_by_day,
    alarms_since,
    visible_log,
    visible_scope,
)
from portico.firmware.selectors import failed_upgrades
from portico.kernel.clock import utcnow
from portico.portals.installer.frame import installer_only
from portico.portals.installer.views.firmware import bad_news
from portico.portals.shared.figures import Activity, Bar, Part, presence_bar
from portico.portals.shared.http import StaffRequest
from portico.portals.shared.log import RECENT, latest_cards
from portico.provisioning.selectors import drifting
from portico.sites.enums import AccountState, ServiceTerm, SiteKind
from portico.sites.selectors import account_counts, term_counts, visible_sites
from portico.tenancy.enums import OfflineAfter
from portico.tenancy.selectors import company_settings

if TYPE_CHECKING:
    from django.db.models import QuerySet

    from portico.sites.models import Site

LATEST = 6
_COLOURS = {
    AccountState.UNREGISTERED: "grey",
    AccountState.ACTIVE: "green",
    AccountState.EXPIRING: "amber",
    AccountState.EXPIRED: "red",
    AccountState.INACTIVE: "faint",
}


@installer_only
def dashboard(request: StaffRequest) -> HttpResponse:
    actor, now = request.user, utcnow()
    settings = company_settings(request.membership.organization)
    span = OfflineAfter(settings.offline_hours)
    presence = presence_counts(visible_devices(actor))
    todo = _things_to_do(request, span, now) | {"never_seen": presence.never_seen}
    bad_firmware = bad_news(devices_to_sort(actor))
    log, today = visible_log(actor), timezone.localdate(now)
    zone = timezone.get_current_timezone()
    context = {
        "span": span,
        "todo": todo,
        "bad_firmware": bad_firmware,
        "nothing_to_do": not (any(todo.values()) or bad_firmware.total),
        "devices": presence_bar(presence, reverse("installer:devices")),
        "accounts": _account_bar(request, now),
        "activity": Activity(activity_by_day(log, today=today, zone=zone)),
        "has_sites": visible_sites(actor).exists(),
    }
    context |= latest_cards(visible_scope(actor), LATEST)
    return render(request, "installer/dashboard.html", context)


def _things_to_do(
    request: StaffRequest, span: OfflineAfter, now: datetime
) -> dict[str, int]:
    actor = request.user
    devices, bridgeless = visible_devices(actor), bridgeless_counts(actor)
    terms = term_counts(_houses(request), now=now)
    return {
        "offline": offline_longer(devices, hours=span.value, now=now).count(),
        "alarms": alarms_since(visible_log(actor), now - RECENT),
        "drift": drifting(devices).count(),
        "upgrades": failed_upgrades(actor).count(),
        "houses": bridgeless.get(SiteKind.SINGLE_FAMILY, 0),
        "communities": bridgeless.get(SiteKind.COMMUNITY, 0),
        "expiring": terms[ServiceTerm.EXPIRING],
        "expired": terms[ServiceTerm.EXPIRED],
    }


def _houses(request: StaffRequest) -> QuerySet[Site]:
    return visible_sites(request.user).filter(kind=SiteKind.SINGLE_FAMILY)


def _account_bar(request: StaffRequest, now: datetime) -> Bar:
    counts, url = account_counts(_houses(request), now=now), reverse("installer:sites")
    return Bar(
        [
            Part(state.label, counts[state], colour, f"{url}?accounts={state.value}")
            for state, colour in _COLOURS.items()
        ]
    )


@installer_only
def latest(request: StaffRequest) -> HttpResponse:
    context = latest_cards(visible_scope(request.user), LATEST) | {"with_site": True}
    return render(request, "shared/log/_cards.html", context)
