"""Visits and their pictures, seen by those whose house it is."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import timedelta

from django.core.files.storage import default_storage
from django.db.models import Exists, OuterRef, Q, QuerySet

from portico.accounts.models import User
from portico.events.enums import LogKind
from portico.events.models import Capture, Event, LogEntry, Visit
from portico.events.selectors.log import managed_log, visible_log
from portico.kernel.errors import NotVisible
from portico.sites.enums import ManagerRight
from portico.sites.selectors import managed_communities, rows_to_sort, visible_rows


def visible_visits(actor: User) -> QuerySet[Visit]:
    """Visits at the houses that ``actor`` manages, newest first."""
    visits = Visit.objects.select_related("site", "device")
    newest_first = visits.order_by("-began_at", "-pk")
    return visible_rows(actor, newest_first, "site__")


def visible_captures(actor: User) -> QuerySet[Capture]:
    """Pictures of the houses that ``actor`` manages."""
    return visible_rows(actor, Capture.objects.all(), "site__")


def managed_visits(actor: User) -> QuerySet[Visit]:
    """Visits at the communities whose log a property manager may see, newest first."""
    sites = managed_communities(actor, may=ManagerRight.SEE_LOGS)
    visits = Visit.objects.filter(site__in=sites).select_related("site", "device")
    return visits.order_by("-began_at", "-pk")


def managed_captures(actor: User) -> QuerySet[Capture]:
    """Pictures of the communities where a property manager may see log and images."""
    logs = managed_communities(actor, may=ManagerRight.SEE_LOGS)
    images = managed_communities(actor, may=ManagerRight.SEE_IMAGES)
    return Capture.objects.filter(Q(site__in=logs) & Q(site__in=images))


@dataclass(frozen=True, slots=True)
class LogScope:
    """What somebody may see of a log: lines, visits, pictures; all newest first."""

    entries: QuerySet[LogEntry]
    visits: QuerySet[Visit]
    captures: QuerySet[Capture]
    # The visits once more, to be found and sorted, not to be shown.
    visits_to_sort: QuerySet[Visit]

    def at(self, **where: object) -> LogScope:
        """Of one house, or one device."""
        return LogScope(
            self.entries.filter(**where),
            self.visits.filter(**where),
            self.captures,
            self.visits_to_sort.filter(**where),
        )


def visible_scope(actor: User) -> LogScope:
    """The log of the houses that ``actor`` manages."""
    visits, captures = visible_visits(actor), visible_captures(actor)
    newest_first = Visit.objects.order_by("-began_at", "-pk")
    to_sort = rows_to_sort(actor, newest_first, "site__")
    return LogScope(visible_log(actor), visits, captures, to_sort)


def managed_scope(actor: User) -> LogScope:
    """The log of the communities where a property manager may see it."""
    visits, captures = managed_visits(actor), managed_captures(actor)
    return LogScope(managed_log(actor), visits, captures, visits)


def get_card(scope: LogScope, visit_id: int) -> VisitCard:
    """One visit of ``scope``. :raises NotVisible: it is none of them."""
    visit = scope.visits.filter(pk=visit_id).first()
    if visit is None:
        raise NotVisible
    return visit_cards([visit], scope.captures)[0]


def visits_with(
    visits: QuerySet[Visit], entries: QuerySet[LogEntry]
) -> QuerySet[Visit]:
    """Those of ``visits`` that have one of ``entries``, which was narrowed."""
    return visits.filter(pk__in=entries.order_by().values("visit"))


# What a page reads of one visit; the file has all.
_LINES_SHOWN = 100


@dataclass(slots=True)
class VisitCard:
    """One visit with its lines, the oldest first, and its pictures."""

    visit: Visit
    lines: list[LogEntry] = field(default_factory=list)
    captures: list[Capture] = field(default_factory=list)

    @property
    def pk(self) -> int:
        return self.visit.pk

    @property
    def main(self) -> list[LogEntry]:
        """The lines that say what it was: openings, refusals and alarms, else all."""
        telling = (LogKind.DOOR, LogKind.ALARM)
        return [one for one in self.lines if one.kind in telling] or self.lines[-1:]

    @property
    def around(self) -> list[LogEntry]:
        """The other lines: motion and calls before and after."""
        main = {one.pk for one in self.main}
        return [one for one in self.lines if one.pk not in main]

    @property
    def picture(self) -> Capture | None:
        """The picture to show: the last that is there."""
        return next((one for one in reversed(self.captures) if one.file), None)

    @property
    def is_picture_coming(self) -> bool:
        """Whether one was ordered that is not there yet."""
        return any(one.is_coming for one in self.captures)


def visit_cards(
    visits: Sequence[Visit], captures: QuerySet[Capture]
) -> list[VisitCard]:
    """``visits`` with their lines, and those of ``captures`` that are theirs.

    Two queries, however many they are.
    """
    cards = {visit.pk: VisitCard(visit) for visit in visits}
    entries = LogEntry.objects.filter(visit__in=cards).select_related("device")
    lines: dict[int, VisitCard] = {}
    for entry in entries.order_by("occurred_at", "pk"):
        card = cards[entry.visit_id or 0]
        if len(card.lines) < _LINES_SHOWN:
            entry.site = card.visit.site
            card.lines.append(entry)
        lines[entry.pk] = card
    pictures = captures.filter(entry__visit__in=cards).select_related("command")
    for capture in pictures.order_by("taken_at", "pk"):
        if capture.entry_id in lines:
            lines[capture.entry_id].captures.append(capture)
    return list(cards.values())


# A unit's clock, and the way of a report.
_AROUND = timedelta(seconds=5)


def events_of_visit(card: VisitCard) -> list[Event]:
    """What the device reported meanwhile, the oldest first."""
    visit, lines = card.visit, card.lines
    if visit.device_id is None or not lines:
        return []
    received = [line.received_at for line in lines]
    span = (visit.began_at - _AROUND, visit.ended_at + _AROUND)
    events = Event.objects.filter(
        device_id=visit.device_id,
        received_at__range=(min(received) - _AROUND, max(received) + _AROUND),
        occurred_at__range=span,
    )
    return list(events.order_by("occurred_at", "pk")[:_LINES_SHOWN])


def get_capture(captures: QuerySet[Capture], capture_id: int) -> Capture:
    """One of ``captures`` whose picture is there. :raises NotVisible: it is none."""
    found = captures.filter(pk=capture_id).exclude(file="").first()
    if found is None:
        raise NotVisible
    return found


def capture_of_resident(capture_id: int, user_id: int) -> Capture | None:
    """A picture that is there, for an account of who lives in its house now."""
    return (
        Capture.objects.filter(
            pk=capture_id,
            site__residents__user=user_id,
            site__residents__user__is_active=True,
        )
        .exclude(file="")
        .first()
    )


def pictures_by_entry(entries: Sequence[LogEntry]) -> dict[int, Capture]:
    """For each of ``entries`` that has one the picture of its visit nearest in time."""
    visits: Collection[int] = {one.visit_id for one in entries if one.visit_id}
    found: dict[int, list[Capture]] = {}
    rows = Capture.objects.filter(entry__visit__in=visits).exclude(file="")
    for capture in rows.select_related("entry"):
        found.setdefault(capture.entry.visit_id or 0, []).append(capture)
    return {
        one.pk: min(found[one.visit_id], key=lambda other: _distance(other, one))
        for one in entries
        if one.visit_id in found
    }


def _distance(capture: Capture, entry: LogEntry) -> timedelta:
    return abs(capture.ordered_at - entry.occurred_at)


def capture_file(capture: Capture) -> bytes:
    """The picture itself. :raises NotVisible: it has just been deleted."""
    try:
        with default_storage.open(capture.file) as file:
            content: bytes = file.read()
    except OSError:
        raise NotVisible from None
    return content


def newest_line() -> int:
    """The number of the last line that was written, of anybody's; 0: there is none."""
    rows = LogEntry.objects.order_by("-pk").values_list("pk", flat=True)
    return rows.first() or 0


def new_visits(entries: QuerySet[LogEntry], than_id: int) -> int:
    """How many visits have one of ``entries``, and none written up to ``than_id``."""
    entries = entries.order_by()
    earlier = entries.filter(visit=OuterRef("visit"), pk__lte=than_id)
    newer = entries.filter(pk__gt=than_id, visit__isnull=False)
    return newer.exclude(Exists(earlier)).values("visit").distinct().count()
