"""The log as the portals show it: as visits, live, narrowed, and as a file."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from django.http import HttpResponse
from django.shortcuts import render
from django.utils.http import urlencode
from django.utils.translation import gettext_lazy

from portico.devices.selectors import devices_of_site
from portico.events.enums import LogKind, Outcome
from portico.events.rules import read_capture
from portico.events.selectors import (
    LogScope,
    VisitCard,
    capture_file,
    events_of_visit,
    filter_log,
    get_capture,
    get_card,
    new_visits,
    newest_line,
    visit_cards,
    visits_with,
)
from portico.kernel.clock import utcnow
from portico.kernel.errors import NotVisible
from portico.portals.shared.http import StaffRequest
from portico.portals.shared.listing import (
    Asked,
    Column,
    Filter,
    ListSpec,
    listing,
    show_list,
)
from portico.portals.shared.lists import whole_number
from portico.portals.shared.tables import moment
from portico.sites.selectors import site_names

if TYPE_CHECKING:
    from django.db.models import QuerySet
    from django_stubs_ext import StrOrPromise

    from portico.events.models import LogEntry
    from portico.sites.models import Site

# An alarm that nobody looked at for a day is history.
RECENT = timedelta(hours=24)
# What is over for so long hardly changes: its card does not listen any more.
LISTENS = timedelta(minutes=15)
# So long after its last line a visit is still on the move: the picture, the relay's own
# event. What changes before a page's stream has begun is asked for then.
MOVES = timedelta(minutes=1)
_FILTERS = (
    Filter(
        key="kind",
        label=gettext_lazy("Everything"),
        choices=dict(LogKind.choices),
        is_open=True,
    ),
    Filter(
        key="outcome",
        label=gettext_lazy("Any outcome"),
        choices={str(value): label for value, label in Outcome.choices},
        is_open=True,
    ),
    Filter(
        key="within",
        label=gettext_lazy("Any time"),
        choices={"24h": gettext_lazy("Last 24 hours")},
        is_open=True,
    ),
    Filter(key="from", label=gettext_lazy("From")),
    Filter(key="to", label=gettext_lazy("To")),
)
# The page shows visits, which are no table.
VISITS: ListSpec[VisitCard] = ListSpec(name="log", columns=(), filters=_FILTERS)
# The file holds their lines, those that match.
LOG: ListSpec[LogEntry] = ListSpec(
    name="log",
    columns=[
        Column(key=key, label=label, text=text, is_fixed=True)
        for key, label, text in (
            ("at", gettext_lazy("Time"), lambda one: moment(one.occurred_at)),
            ("site", gettext_lazy("Site"), lambda one: one.site.room_name),
            ("device", gettext_lazy("Device Name"), lambda one: one.device_name),
            ("door", gettext_lazy("Door"), lambda one: one.relay_name),
            ("kind", gettext_lazy("Kind"), lambda one: one.get_kind_display()),
            ("who", gettext_lazy("Who"), lambda one: one.initiator),
            ("how", gettext_lazy("How"), lambda one: one.get_method_display()),
            ("outcome", gettext_lazy("Outcome"), lambda one: one.get_outcome_display()),
            ("reason", gettext_lazy("Reason"), lambda one: one.reason),
            ("visit", gettext_lazy("Visit"), lambda one: one.visit_id or ""),
        )
    ],
    filters=_FILTERS,
)


# A list of more houses is looked through by its search.
_MOST_CHOICES = 100


def device_filter(site: Site) -> list[Filter]:
    """One of the devices of a house that the caller was shown."""
    names = {device.mac: device.name for device in devices_of_site(site)}
    return _choice("device", gettext_lazy("All devices"), names)


def site_filter(request: StaffRequest, sites: QuerySet[Site]) -> list[Filter]:
    """One of ``sites``; of very many only the one that the address names."""
    few = sites.order_by().values_list("pk")[: _MOST_CHOICES + 1]
    if len(few) > _MOST_CHOICES:
        try:
            wanted = uuid.UUID(request.GET.get("site", ""))
        except ValueError:
            return []
        sites = sites.filter(pk=wanted)
    names = {str(pk): name for pk, name in site_names(sites)}
    return _choice("site", gettext_lazy("All sites"), names)


def _choice(key: str, label: StrOrPromise, choices: dict[str, str]) -> list[Filter]:
    # Without choices it would be a day.
    filters = [Filter(key=key, label=label, choices=choices, is_open=True)]
    return filters if choices else []


def narrowed(entries: QuerySet[LogEntry], asked: Asked) -> QuerySet[LogEntry]:
    """Those of ``entries`` that the address asks for."""
    site = asked.values.get("site", "")
    found = filter_log(
        entries,
        kind=asked["kind"],
        outcome=asked["outcome"],
        text=asked.text,
        device=asked.values.get("device", ""),
        site=uuid.UUID(site) if site else None,
        since=asked.begins("from"),
        until=asked.ends("to"),
    )
    if asked["within"]:
        found = found.filter(occurred_at__gte=utcnow() - RECENT)
    return found


def show_log(
    request: StaffRequest,
    scope: LogScope,
    *,
    page: str,
    context: dict[str, Any],
    filters: Sequence[Filter] = (),
    fixed: Mapping[str, str] | None = None,
) -> HttpResponse:
    """What the address asks of ``scope``: a page, a part, a file, or how many are new.

    ``fixed`` is what the page itself narrows by, in the words of the address.
    """
    asked = VISITS.ask(request, *filters)
    found = narrowed(scope.entries, asked)
    if request.GET.get("export") == "csv":
        return show_list(request, LOG, asked, found, page=page)
    after = whole_number(request.GET.get("after", ""))
    if after is not None:  # the "3 new" pill asks only how many
        count = {"new_count": new_visits(found, after)}
        return render(request, "shared/log/_pill.html", count)
    newest = newest_line()  # before the page is read, so that nothing falls between
    visits = scope.visits_to_sort
    visits = visits_with(visits, found) if asked.is_narrowed else visits
    shown = listing(
        request,
        VISITS,
        asked,
        visits,
        items=lambda rows: visit_cards(rows, scope.captures),
        whole=scope.visits,
    )
    page = "shared/log/_list.html" if request.htmx else page
    part = {
        "listing": shown,
        "newest": newest,
        "export_query": urlencode({**shown.query, **(fixed or {})}),
        **_liveliness(),
    }
    return render(request, page, part | context)


def _liveliness() -> dict[str, datetime]:
    """Which cards of visits listen, and which of them ask when the stream begins."""
    now = utcnow()
    return {"listens_after": now - LISTENS, "moves_after": now - MOVES}


def latest_cards(scope: LogScope, most: int) -> dict[str, Any]:
    """The newest visits of ``scope``, as other pages show them."""
    cards = visit_cards(list(scope.visits[:most]), scope.captures)
    return {"cards": cards, **_liveliness()}


def show_card(request: StaffRequest, scope: LogScope, visit_id: int) -> HttpResponse:
    """The head of one visit's card, as it stands now."""
    card = get_card(scope, visit_id)
    context = {
        "card": card,
        "with_site": request.GET.get("site") == "yes",
        **_liveliness(),
    }
    return render(request, "shared/log/_head.html", context)


def show_whole(
    request: StaffRequest, scope: LogScope, visit_id: int, *, with_events: bool
) -> HttpResponse:
    """All that a visit holds; ``with_events``: what the device reported as well."""
    card = get_card(scope, visit_id)
    events = events_of_visit(card) if with_events else []
    context = {"card": card, "events": events, **_liveliness()}
    return render(request, "shared/log/_whole.html", context)


def show_capture(request: StaffRequest, scope: LogScope, signed: str) -> HttpResponse:
    """The picture of a signed address, for the account that it was made for alone.

    :raises NotVisible: forged, expired, another's, or no longer for him.
    """
    known = read_capture(signed)
    if known is None or known[1] != request.user.pk:
        raise NotVisible
    capture = get_capture(scope.captures, known[0])
    # As long as the address is good the browser need not ask again.
    headers = {"Cache-Control": "private, max-age=1800"}
    return HttpResponse(
        capture_file(capture), content_type=capture.media_type, headers=headers
    )
