"""The log, seen by those whose house it is."""

from __future__ import annotations

import uuid
from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta, tzinfo

from django.db.models import Case, Count, IntegerField, Q, QuerySet, When

from portico.accounts.models import User
from portico.devices.models import Device
from portico.events.enums import LogKind, Outcome
from portico.events.models import Event, LogEntry
from portico.sites.enums import ManagerRight
from portico.sites.models import Resident, Site
from portico.sites.selectors import managed_communities, sites_named, visible_rows

# A door that opened, as far as anybody knows.
_OPENED = Q(kind=LogKind.DOOR, outcome__in=(Outcome.GRANTED, Outcome.UNCONFIRMED))


def visible_log(actor: User) -> QuerySet[LogEntry]:
    """Log entries of the houses that ``actor`` manages, newest first."""
    entries = LogEntry.objects.select_related("site", "device", "command")
    newest_first = entries.order_by("-occurred_at", "-pk")
    return visible_rows(actor, newest_first, "site__")


def managed_log(actor: User) -> QuerySet[LogEntry]:
    """Log entries of the communities whose log a property manager may see, newest first."""
    sites = managed_communities(actor, may=ManagerRight.SEE_LOGS)
    entries = LogEntry.objects.filter(site__in=sites).select_related("site", "device")
    return entries.order_by("-occurred_at", "-pk")


def log_of_site(site: Site) -> QuerySet[LogEntry]:
    """The log of one house that the caller has already been shown, newest first."""
    return LogEntry.objects.filter(site=site).order_by("-occurred_at", "-pk")


def openings_of_homes(homes: Collection[Resident]) -> QuerySet[LogEntry]:
    """What the app lists as door log, newest first: doors opened, and rings.

    ``homes`` are who somebody is in each of his houses.
    """
    return _log_of_homes(homes).filter(_OPENED | Q(kind=LogKind.CALL))


def calls_of_homes(homes: Collection[Resident]) -> QuerySet[LogEntry]:
    """The rings at the doors of somebody's houses, newest first."""
    return _log_of_homes(homes).filter(kind=LogKind.CALL)


def _log_of_homes(homes: Collection[Resident]) -> QuerySet[LogEntry]:
    rows = LogEntry.objects.filter(site__in=[home.site_id for home in homes])
    return rows.order_by("-occurred_at", "-pk")


def search_log(entries: QuerySet[LogEntry], text: str) -> QuerySet[LogEntry]:
    """Narrow by who, which door, which device, or which house."""
    words = text.strip()
    if not words:
        return entries
    return entries.filter(
        Q(initiator__icontains=words)
        | Q(relay_name__icontains=words)
        | Q(device_name__icontains=words)
        | Q(site__in=sites_named(words).values("pk"))
    )


def raw_events(device: Device) -> QuerySet[Event]:
    """What a device that the caller has been shown reported, newest first."""
    return Event.objects.filter(device_id=device.pk).order_by("-pk")


def called_since(site_ids: Collection[uuid.UUID], moment: datetime) -> set[uuid.UUID]:
    """Those of the houses where a call began or ended after ``moment``."""
    calls = LogEntry.objects.filter(
        site__in=site_ids, kind=LogKind.CALL, occurred_at__gte=moment
    )
    return set(calls.values_list("site_id", flat=True))


def waiting_events() -> int:
    """How many events the worker has not yet turned into log entries."""
    return Event.objects.filter(processed_at=None).count()


def filter_log(
    entries: QuerySet[LogEntry],
    *,
    kind: str = "",
    outcome: str = "",
    text: str = "",
    device: str = "",
    site: uuid.UUID | None = None,
    since: datetime | None = None,
    until: datetime | None = None,
) -> QuerySet[LogEntry]:
    """Narrow by kind, outcome, text, MAC, house and time ``[since, until)``.

    Empty means all.
    """
    if since is not None:
        entries = entries.filter(occurred_at__gte=since)
    if until is not None:
        entries = entries.filter(occurred_at__lt=until)
    if kind:
        entries = entries.filter(kind=kind)
    if outcome:
        entries = entries.filter(outcome=outcome)
    if device:
        entries = entries.filter(device_mac=device)
    if site is not None:
        entries = entries.filter(site=site)
    return search_log(entries, text)


def alarms_since(entries: QuerySet[LogEntry], moment: datetime) -> int:
    """How many alarms ``entries`` hold since ``moment``."""
    alarms = entries.order_by().filter(kind=LogKind.ALARM, occurred_at__gte=moment)
    return alarms.count()


# What the dashboard's chart shows (NAV-2), today included.
ACTIVITY_DAYS = 14


@dataclass(frozen=True, slots=True)
class DayCounts:
    """What happened on one day of the viewer."""

    day: date
    openings: int = 0
    calls: int = 0


def activity_by_day(
    entries: QuerySet[LogEntry], *, today: date, zone: tzinfo
) -> list[DayCounts]:
    """Door openings and calls of the last 14 days of ``zone``, the oldest day first.

    One query. Days are told apart by their midnights, which the database compares as
    they are; SQLite would have to call Python to find the day of each row.
    """
    days = [today - timedelta(days=back) for back in reversed(range(ACTIVITY_DAYS))]
    midnights = [datetime.combine(day, time.min, tzinfo=zone) for day in days]
    number = Case(
        *(When(occurred_at__lt=m, then=n) for n, m in enumerate(midnights[1:])),
        default=ACTIVITY_DAYS - 1,
        output_field=IntegerField(),
    )
    opened, called = _OPENED, Q(kind=LogKind.CALL)
    end = datetime.combine(today + timedelta(days=1), time.min, tzinfo=zone)
    rows = (
        entries.filter(
            opened | called, occurred_at__gte=midnights[0], occurred_at__lt=end
        )
        .order_by()
        .values(number=number)
        .annotate(openings=Count("pk", filter=opened), calls=Count("pk", filter=called))
    )
    found = {row["number"]: (row["openings"], row["calls"]) for row in rows}
    return [DayCounts(day, *found.get(n, ())) for n, day in enumerate(days)]
