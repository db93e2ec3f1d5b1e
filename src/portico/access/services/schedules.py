"""Hours at which credentials open, by name (LOG-1)."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime, time

from django.db import IntegrityError, transaction
from django.db.models import ProtectedError
from django.utils.translation import gettext as _

from portico.access.enums import ScheduleKind
from portico.access.errors import BadSchedule, ScheduleInUse
from portico.access.models import Schedule
from portico.access.services.planning import plan_site
from portico.accounts.models import User
from portico.audit.services import record
from portico.kernel.outbox import publish_on_commit
from portico.kernel.rows import save_shown
from portico.sites.models import Site


@dataclass(frozen=True, slots=True, kw_only=True)
class ScheduleData:
    """What the form holds; ``days`` are digits, 0 is Sunday; no times: the whole day."""

    name: str
    kind: ScheduleKind
    days: str = ""
    time_from: time | None = None
    time_until: time | None = None
    date_from: date | None = None
    date_until: date | None = None


@transaction.atomic
def add_schedule(
    *, actor: User, site: Site, data: ScheduleData, now: datetime
) -> Schedule:
    """Add a schedule to a house.

    :raises BadSchedule: it would never hold, or the house has one of this name.
    """
    schedule = Schedule(site=site, created_at=now, **_checked(data))
    with _named_once():
        schedule.save(force_insert=True)
    _record(actor, schedule, "schedule.added", now)
    return schedule


@transaction.atomic
def change_schedule(
    *,
    actor: User,
    schedule: Schedule,
    data: ScheduleData,
    version: int,
    now: datetime,
) -> None:
    """Change a schedule; the units that use it are told. ``version`` was shown.

    :raises BadSchedule: see :func:`add_schedule`.
    :raises ChangedMeanwhile: somebody else has saved since.
    """
    with _named_once():
        save_shown(schedule, version, _checked(data))
    _record(actor, schedule, "schedule.changed", now)
    plan_site(site=schedule.site, now=now)
    publish_on_commit("roster.changed", site=str(schedule.site_id))


@transaction.atomic
def remove_schedule(*, actor: User, schedule: Schedule, now: datetime) -> None:
    """Delete a schedule that nothing in force uses.

    :raises ScheduleInUse: a credential has it.
    """
    schedule.credentials.filter(revoked_at__isnull=False).update(schedule=None)
    _record(actor, schedule, "schedule.removed", now)
    try:
        schedule.delete()
    except ProtectedError:
        raise ScheduleInUse(
            _("Credentials use this schedule. Revoke them first.")
        ) from None


def check_hours(start: time | None, end: time | None) -> None:
    """:raises BadSchedule: one of both is missing, or they are no hours of one day."""
    if (start is None) != (end is None):
        text = _("Enter both times, or neither for the whole day.")
        raise BadSchedule(text, field="time_until")
    if start is not None and end is not None and start >= end:
        # What a unit makes of hours that reach into the next day is published nowhere.
        text = _("The hours end later on the same day than they begin.")
        raise BadSchedule(text, field="time_until")


def check_days(days: str) -> str:
    """The digits of the days, each once, in order. :raises BadSchedule: none."""
    kept = "".join(sorted(set(days) & set("0123456")))
    if not kept:
        raise BadSchedule(_("Choose at least one day."), field="days")
    return kept


def _checked(data: ScheduleData) -> dict[str, object]:
    if not data.name.strip():
        raise BadSchedule(_("A schedule needs a name."), field="name")
    check_hours(data.time_from, data.time_until)
    is_range = data.kind == ScheduleKind.DATE_RANGE
    first, last = (data.date_from, data.date_until) if is_range else (None, None)
    if is_range and (first is None or last is None or first > last):
        text = _("Enter the first and the last day.")
        raise BadSchedule(text, field="date_until")
    is_weekly = data.kind == ScheduleKind.WEEKLY
    return {
        "name": data.name.strip()[:63],
        "kind": data.kind,
        "days": check_days(data.days) if is_weekly else "",
        "time_from": data.time_from,
        "time_until": data.time_until,
        "date_from": first,
        "date_until": last,
    }


@contextmanager
def _named_once() -> Iterator[None]:
    try:
        with transaction.atomic():
            yield
    except IntegrityError:
        text = _("This house has a schedule of this name.")
        raise BadSchedule(text, field="name") from None


def _record(actor: User, schedule: Schedule, action: str, now: datetime) -> None:
    record(
        actor=actor,
        action=action,
        subject=schedule,
        organization_id=schedule.site.organization_id,
        site_id=schedule.site_id,
        now=now,
    )
