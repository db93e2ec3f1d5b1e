"""The door log as the portals show it."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from django.http import HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext_lazy

from portico.events.enums import LogKind, Outcome
from portico.events.selectors import filter_log, newer_entries
from portico.kernel.clock import utcnow
from portico.portals.shared.http import StaffRequest
from portico.portals.shared.listing import Column, Filter, ListSpec, show_list
from portico.portals.shared.lists import whole_number
from portico.portals.shared.tables import moment

if TYPE_CHECKING:
    from django.db.models import QuerySet

    from portico.events.models import LogEntry

# An alarm that nobody looked at for a day is history.
RECENT = timedelta(hours=24)
# Drawn as a feed, so that nothing is hidden; the columns are those of the file.
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
        )
    ],
    filters=(
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
    ),
)


def show_log(
    request: StaffRequest,
    entries: QuerySet[LogEntry],
    *,
    page: str,
    context: dict[str, Any],
) -> HttpResponse:
    """``entries`` as the address asks for them: a page, a part, a file, or how many new."""
    asked = LOG.ask(request)
    found = filter_log(
        entries,
        kind=asked["kind"],
        outcome=asked["outcome"],
        text=asked.text,
        since=asked.begins("from"),
        until=asked.ends("to"),
    )
    if asked["within"]:
        found = found.filter(occurred_at__gte=utcnow() - RECENT)
    after = whole_number(request.GET.get("after", ""))
    if after is not None:  # the "3 new" pill asks only how many
        count = {"new_count": newer_entries(found, after)}
        return render(request, "shared/log/_pill.html", count)
    page = "shared/log/_list.html" if request.htmx else page
    return show_list(request, LOG, asked, found, page=page, context=context)
