"""Keeping the visits of a device in line with its log."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from django.db import connection

from portico.events.enums import LogKind
from portico.events.models import LogEntry, Visit
from portico.events.rules import REACH, split_visits
from portico.kernel.outbox import publish_on_commit

# With a device's number: any numbers that nothing else in the database locks.
_LOCKS = 0x56697369 << 32
# What decides, and what a visit repeats.
_READ = (
    "site_id",
    "organization_id",
    "device_id",
    "visit_id",
    "kind",
    "method",
    "outcome",
    "initiator",
    "occurred_at",
)


def hold_log_of(device_id: int) -> None:
    """Let nobody else write this device's log until the transaction ends.

    To be called before the first of its rows is touched. On SQLite the transaction
    itself (IMMEDIATE) does it.
    """
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_xact_lock(%s)", [_LOCKS + device_id])


def settle_visits(*, device_id: int, at: datetime, was: int | None = None) -> None:
    """Join and part the visits of a device around ``at``, where a line has changed.

    Under :func:`hold_log_of`. Lines further away than REACH from ``at`` are as they
    were, so the visits of those nearer are all that can change; a visit that goes on
    keeps its number. ``was`` is the visit of a line that is gone.
    """
    lines = LogEntry.objects.filter(device=device_id).exclude(kind=LogKind.CAPTURE)
    lines = lines.only(*_READ).order_by("occurred_at", "pk")
    near = list(lines.filter(occurred_at__range=(at - REACH, at + REACH)))
    known = {line.visit_id for line in near if line.visit_id is not None}
    new = [line for line in near if line.visit_id is None]
    held = [*lines.filter(visit__in=known), *new] if known else new
    taken: set[int] = set()
    for run in split_visits(sorted(held, key=lambda one: (one.occurred_at, one.pk))):
        taken.add(_keep(run, taken))
    gone = known - taken if was is None else (known | {was}) - taken
    _drop_empty(gone)


def visit_alone(entry: LogEntry) -> None:
    """A visit of nothing but ``entry``, which joins no other."""
    _join(_new([entry]), [entry])


def _keep(run: list[LogEntry], taken: set[int]) -> int:
    """Let ``run`` be one visit: that of its first line that has one to go on with."""
    free = (line.visit_id for line in run if line.visit_id not in taken)
    known = next((visit for visit in free if visit is not None), None)
    visit_id = _new(run) if known is None else known
    _join(visit_id, [line for line in run if line.visit_id != visit_id])
    if known is not None:
        span = {"began_at": run[0].occurred_at, "ended_at": run[-1].occurred_at}
        Visit.objects.filter(pk=known).exclude(**span).update(**span)
    return visit_id


def _new(run: list[LogEntry]) -> int:
    first = run[0]
    visit = Visit.objects.create(
        site_id=first.site_id,
        organization_id=first.organization_id,
        device_id=first.device_id,
        began_at=first.occurred_at,
        ended_at=run[-1].occurred_at,
    )
    return visit.pk


def _join(visit_id: int, lines: list[LogEntry]) -> None:
    LogEntry.objects.filter(pk__in=[line.pk for line in lines]).update(visit=visit_id)
    for line in lines:
        publish_on_commit(
            "log.changed", entry=line.pk, visit=visit_id, site=str(line.site_id)
        )
        if line.visit_id is not None:  # its old place has changed as well
            publish_on_commit(
                "log.changed", visit=line.visit_id, site=str(line.site_id)
            )


def _drop_empty(visit_ids: Iterable[int]) -> None:
    Visit.objects.filter(pk__in=visit_ids, log=None).delete()
