"""What is deleted with time, or with a house's people: lines, pictures, raw events.

In batches, each a short transaction of its own, so that nobody waits behind them. Files
go once their rows are gone for good. The audit log knows nothing of this.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any

from django.core.files.storage import default_storage
from django.db import transaction
from django.db.models import QuerySet

from portico.devices.services.commands import forget_commands
from portico.devices.services.pictures import (
    forget_camera_pictures,
    forget_old_pictures,
    forget_picture,
)
from portico.events.enums import LogKind
from portico.events.models import Capture, Event, LogEntry, Visit
from portico.events.services.captures import FOLDER
from portico.events.services.visits import hold_log_of
from portico.kernel.outbox import publish_on_commit
from portico.kernel.queue import enqueue
from portico.locks.services.opening import forget_openings
from portico.sites.models import Site
from portico.tenancy.selectors import log_retention

PURGE = "events.purge"
# Some tens of milliseconds of the database's one writer.
_BATCH = 500
# Of one run; then another is ordered, so that a stopping worker need not wait long.
_MOST_BATCHES = 100
# Of what a device reported beside its line: to look into a fault, not to look back.
RAW_KEPT = timedelta(days=30)
# A file is there before its row says so.
_MADE_JUST_NOW = timedelta(days=1)
_KINDS: Mapping[LogKind, str] = {
    LogKind.DOOR: "keep_door_days",
    LogKind.CALL: "keep_call_days",
    LogKind.ALARM: "keep_alarm_days",
    LogKind.MOTION: "keep_motion_days",
    LogKind.CAPTURE: "keep_capture_days",
}


def order_purge() -> None:
    """Let a worker delete what is due, one at a time."""
    enqueue(PURGE, unique_key=PURGE)


def purge_log(*, now: datetime) -> None:
    """Delete what has been kept for as long as its company wants."""
    for count, _ in enumerate(_batches(now), 1):
        if count == _MOST_BATCHES:
            order_purge()
            return


def _batches(now: datetime) -> Iterator[int]:
    """Delete one batch after the other, as long as there is something due."""
    for company, days in log_retention().items():
        for kind, name in _KINDS.items():
            lines = LogEntry.objects.filter(
                organization=company,
                kind=kind,
                occurred_at__lt=now - timedelta(days=days[name]),
            )
            while ids := _some(lines.order_by("occurred_at")):
                yield _delete_lines(ids)
        before = now - timedelta(days=days["keep_capture_days"])
        captures = Capture.objects.filter(organization=company, ordered_at__lt=before)
        while ids := _some(captures.order_by("ordered_at")):
            yield _delete_captures(Capture.objects.filter(pk__in=ids))
        forget_old_pictures(organization_id=company, before=before)
    old = Event.objects.filter(
        received_at__lt=now - RAW_KEPT, processed_at__isnull=False
    )
    while ids := _some(old.order_by("pk")):
        yield Event.objects.filter(pk__in=ids).delete()[0]


def _some(rows: QuerySet[Any]) -> list[int]:
    return list(rows.values_list("pk", flat=True)[:_BATCH])


@transaction.atomic
def _delete_lines(ids: Collection[int]) -> int:
    """Lines with their pictures and reports, and the visits that nothing is left of."""
    lines = LogEntry.objects.filter(pk__in=ids)
    found = list(lines.values_list("visit", "event_id", "site"))
    _delete_captures(Capture.objects.filter(entry__in=ids))
    Event.objects.filter(pk__in=[event for _, event, _ in found]).delete()
    lines.delete()
    visits = {visit for visit, _, _ in found}
    Visit.objects.filter(pk__in=visits, log=None).delete()
    return len(found)


@transaction.atomic
def _delete_captures(captures: QuerySet[Capture]) -> int:
    names = [name for name in captures.values_list("file", flat=True) if name]
    captures.delete()
    transaction.on_commit(lambda: _delete_files(names), robust=True)
    return len(names)


def _delete_files(names: Collection[str]) -> None:
    for name in names:
        default_storage.delete(name)


@transaction.atomic
def forget_log_of_site(*, site: Site) -> None:
    """Delete log, visits, pictures, raw events and finished commands of a house.

    For the house's reset, inside its transaction: files go when that commits. What was
    deleted is nobody's to see again; the audit log is not touched.
    """
    devices = list(site.devices.order_by("pk"))
    for device in devices:
        hold_log_of(device.pk)
        forget_picture(device=device)
    _delete_captures(Capture.objects.filter(site=site))
    # What is not yet a line must not become one.
    Event.objects.filter(device_id__in=[device.pk for device in devices]).delete()
    while ids := _some(LogEntry.objects.filter(site=site)):
        _delete_lines(ids)
    Visit.objects.filter(site=site).delete()
    forget_camera_pictures(cameras=site.cameras.all())
    forget_commands(site=site)
    forget_openings(site=site)
    publish_on_commit("log.changed", site=str(site.pk))


def sweep_captures(*, now: datetime) -> None:
    """Delete the files whose rows went with a house or were lost with a process."""
    if not default_storage.exists(FOLDER):
        return
    for day in default_storage.listdir(FOLDER)[0]:
        folder = f"{FOLDER}/{day}"
        # What is there is listed before what is known is asked.
        found = {f"{folder}/{name}" for name in default_storage.listdir(folder)[1]}
        rows = Capture.objects.filter(file__startswith=f"{folder}/")
        for name in found - set(rows.values_list("file", flat=True)):
            if default_storage.get_modified_time(name) < now - _MADE_JUST_NOW:
                default_storage.delete(name)
        if not found and day != f"{now:%Y%m%d}":
            default_storage.delete(folder)
